import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBreaker } from '../../src/model/limits/breaker.ts'
import { createBucket } from '../../src/model/limits/bucket.ts'
import type { Clock } from '../../src/model/limits/clock.ts'
import { createLimiter, defaultLimits } from '../../src/model/limits/limiter.ts'
import { createWindow } from '../../src/model/limits/window.ts'

/** A clock that is always where the next sleeper wakes. */
function imitatedClock(): Clock & { time: number } {
  const clock = {
    time: 0,
    now: () => clock.time,
    sleep: async (milliseconds: number) => {
      await Promise.resolve()
      clock.time += milliseconds
    },
  }
  return clock
}

test('a bucket never lets more go in any minute than its rate and its burst, and wastes nothing', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 100 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 60 }),
      async (perMinute, burst, amounts) => {
        const clock = imitatedClock()
        const bucket = createBucket(perMinute, burst, clock)
        const gone: { at: number; amount: number }[] = []
        for (const amount of amounts) gone.push({ amount: await bucket.take(amount), at: clock.time })
        for (const [i, { at }] of gone.entries()) {
          const within = gone.slice(i).filter((later) => later.at - at < 60_000)
          const sum = within.reduce((all, { amount }) => all + amount, 0)
          assert.ok(sum <= perMinute + burst + 1e-6, `${sum} in a minute`)
        }
        const all = gone.reduce((sum, { amount }) => sum + amount, 0)
        const ideal = Math.max(0, ((all - burst) / perMinute) * 60_000)
        assert.ok(clock.time <= ideal + amounts.length, `${clock.time} ms where ${ideal} would do`)
      },
    ),
    { numRuns: 50 },
  ))

test('what was reserved and not used comes back; what was used beyond it is owed', async () => {
  const clock = imitatedClock()
  const bucket = createBucket(60, 60, clock)
  assert.equal(await bucket.take(1000), 60, 'an amount beyond the bucket takes all of it')
  bucket.refund(50)
  await bucket.take(50)
  assert.equal(clock.time, 0)
  bucket.refund(-10)
  await bucket.take(1)
  assert.equal(clock.time, 11_000)
})

test('tokens a minute hold for what answers took, not for what they might have taken', async () => {
  const clock = imitatedClock()
  const limits = { ...defaultLimits, concurrency: 1, tokensPerMinute: 1000 }
  const limiter = createLimiter('here', limits, () => null, clock)
  // Each reserves 500 and takes 100: ten fit in the first minute.
  for (let i = 0; i < 10; i++)
    await limiter.run({ tokens: 500, send: () => Promise.resolve({ value: i, tokens: 100 }) })
  assert.ok(clock.time <= 24_000, `${clock.time}`)
  for (let i = 0; i < 10; i++)
    await limiter.run({ tokens: 500, send: () => Promise.resolve({ value: i, tokens: 100 }) })
  assert.ok(clock.time >= 60_000 && clock.time <= 85_000, `${clock.time}`)
})

test('requests a minute hold', async () => {
  const clock = imitatedClock()
  const limiter = createLimiter('here', { ...defaultLimits, requestsPerMinute: 60 }, () => null, clock)
  for (let i = 0; i < 70; i++)
    await limiter.run({ tokens: 1, send: () => Promise.resolve({ value: i, tokens: 1 }) })
  // Ten at once, then one a second.
  assert.ok(clock.time >= 60_000 && clock.time <= 60_200, `${clock.time}`)
})

test('the window is halved once for a round of refusals and grows by one for a round of answers', () => {
  const clock = imitatedClock()
  const window = createWindow(16, clock)
  clock.time = 10
  window.cut(0)
  clock.time = 11
  for (let i = 0; i < 15; i++) window.cut(i / 2)
  assert.equal(window.size, 8, 'requests sent before the cut do not cut again')
  window.cut(12)
  assert.equal(window.size, 4)
  for (let i = 0; i < 5; i++) window.grow()
  assert.equal(window.size, 5)
  for (let i = 0; i < 1000; i++) window.grow()
  assert.equal(window.size, 16)
  for (let i = 20; i < 40; i++) window.cut((clock.time = i))
  assert.equal(window.size, 1)
})

test('a breaker opens after so many failures in a row, tries with growing waits, and gives up when patience ends', async () => {
  const clock = imitatedClock()
  const breaker = createBreaker({ failures: 3, patienceMs: 60_000, firstTrialMs: 1000 }, clock)
  breaker.failed()
  breaker.failed()
  breaker.succeeded()
  clock.time = 5000
  breaker.failed()
  breaker.failed()
  assert.equal(breaker.downSince, null)
  breaker.failed()
  assert.equal(breaker.downSince, 5000)
  const waits: number[] = []
  while (!breaker.isGivenUp) {
    const before = clock.time
    await breaker.beforeTrial()
    waits.push(clock.time - before)
    breaker.failed()
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 29_000])
  breaker.succeeded()
  assert.equal(breaker.downSince, null)
})

test('limits that are none are refused with their values', () => {
  const limits = { ...defaultLimits, concurrency: 0, requestsPerMinute: -1 }
  assert.throws(() => createLimiter('here', limits, () => null), /concurrency 0, -1 requests a minute/)
})

test('a drained limiter waits for what is in flight and refuses what waits', async () => {
  const limiter = createLimiter('here', { ...defaultLimits, concurrency: 1 }, () => null)
  let answer: (of: { value: string; tokens: number }) => void = () => undefined
  const first = limiter.run({
    tokens: 1,
    send: () => new Promise<{ value: string; tokens: number }>((done) => (answer = done)),
  })
  const second = limiter.run({ tokens: 1, send: () => Promise.resolve({ value: 'b', tokens: 1 }) })
  await new Promise((done) => setTimeout(done, 5))
  assert.deepEqual(limiter.load, { inFlight: 1, waiting: 1 })
  const drained = limiter.drain(new Error('the end'))
  answer({ value: 'a', tokens: 1 })
  await drained
  assert.equal(await first, 'a')
  await assert.rejects(second, /the end/)
})
