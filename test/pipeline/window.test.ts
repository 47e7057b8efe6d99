import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inOrder } from '../../src/pipeline/window.ts'

const never = new AbortController().signal

async function* upTo(count: number, taken = { rows: 0 }): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) {
    await Promise.resolve()
    taken.rows++
    yield i
  }
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const row of rows) all.push(row)
  return all
}

test('keeps order whichever call finishes first', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(4), { maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 12 }),
      async (delays, concurrency, backlog) => {
        const late = async (i: number): Promise<number> => {
          for (let turn = 0; turn < (delays[i] as number); turn++) await new Promise(setImmediate)
          return i
        }
        const given = await collect(inOrder(upTo(delays.length), { concurrency, backlog }, never, late))
        assert.deepEqual(given, [...delays.keys()])
      },
    ),
    { numRuns: 60 },
  )
})

test('runs no more calls at once than its concurrency, and all of them when one is slow', async () => {
  let [running, most] = [0, 0]
  const call = async (i: number): Promise<void> => {
    most = Math.max(most, ++running)
    for (let turn = 0; turn < (i === 0 ? 20 : 2); turn++) await new Promise(setImmediate)
    running--
  }
  await collect(inOrder(upTo(40), { concurrency: 5 }, never, call))
  assert.equal(most, 5)
})

test('takes in no more rows than its backlog, 8 x concurrency by default, behind a row that waits', async () => {
  for (const [window, wanted] of [
    [{ concurrency: 2, backlog: 7 }, 7],
    [{ concurrency: 2 }, 16],
  ] as const) {
    const taken = { rows: 0 }
    let release = (): void => undefined
    const first = new Promise<void>((resolve) => (release = resolve))
    const rows = inOrder(upTo(100, taken), window, never, (i) => (i === 0 ? first : Promise.resolve()))
    const started = rows.next()
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    assert.equal(taken.rows, wanted)
    release()
    await started
    await rows.return(undefined)
  }
})

test('gives the rows before a failure, then fails, and starts nothing more', async () => {
  const calls: number[] = []
  const given: number[] = []
  const rows = inOrder(upTo(100), { concurrency: 2, backlog: 4 }, never, async (i) => {
    calls.push(i)
    await new Promise(setImmediate)
    if (i === 5) throw new Error('five')
    return i
  })
  await assert.rejects(async () => {
    for await (const row of rows) given.push(row)
  }, /five/)
  assert.deepEqual(given, [0, 1, 2, 3, 4])
  assert.ok(calls.length < 20)
})

test('an interruption does not wait for a call that never ends', async () => {
  const controller = new AbortController()
  const rows = inOrder(
    upTo(3),
    { concurrency: 1 },
    controller.signal,
    () => new Promise<never>(() => undefined),
  )
  const first = rows.next()
  setImmediate(() => controller.abort(new Error('stop')))
  await assert.rejects(first, /stop/)
})

test('refuses a window that can hold nothing', async () => {
  await assert.rejects(collect(inOrder(upTo(1), { concurrency: 0 }, never, (i) => Promise.resolve(i))), {
    code: 'config',
    message: /concurrency 0/,
  })
})
