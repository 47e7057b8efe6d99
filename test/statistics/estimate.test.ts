import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { differenceInterval } from '../../src/statistics/difference.ts'
import { share, wilson } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'

const near = (actual: number, expected: number, by = 5e-5): void =>
  assert.ok(Math.abs(actual - expected) <= by, `${actual} is not ${expected}`)

test('the Wilson interval is that of Newcombe 1998, table I, method 3', () => {
  for (const [successes, trials, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const interval = wilson({ successes, trials })
    near(interval.low, low)
    near(interval.high, high)
  }
})

test('the interval of a difference is that of Newcombe 1998 (17:873), table II, method 10', () => {
  for (const [a, m, b, n, low, high] of [
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 10, 0.6075, 1],
  ] as const) {
    const interval = differenceInterval({ successes: b, trials: n }, { successes: a, trials: m })
    near(interval.low, low)
    near(interval.high, high)
  }
})

test('no trials: anything is possible', () => {
  assert.deepEqual(wilson({ successes: 0, trials: 0 }), { low: 0, high: 1 })
  assert.ok(Number.isNaN(share({ successes: 0, trials: 0 })))
})

test('intervals hold their share, lie in [0, 1] and mirror', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(500), (trials, drawn) => {
      const successes = drawn % (trials + 1)
      const { low, high } = wilson({ successes, trials })
      const mirrored = wilson({ successes: trials - successes, trials })
      assert.ok(low >= 0 && low <= successes / trials && high >= successes / trials && high <= 1)
      near(mirrored.low, 1 - high, 1e-12)
    }),
  )
})

test('the interval of a difference turns round with its sides', () => {
  const [one, other] = [
    { successes: 9, trials: 64 },
    { successes: 40, trials: 50 },
  ]
  const [forth, back] = [differenceInterval(one, other), differenceInterval(other, one)]
  near(forth.low, -back.high, 1e-12)
  near(forth.high, -back.low, 1e-12)
})

test('95 % intervals of a share and of a difference hold the truth in at least 94 % of 2,000 runs', () => {
  let [held, heldDifference] = [0, 0]
  const runs = 2000
  for (let run = 0; run < runs; run++) {
    const random = rngFor('coverage', run)
    const [p, q] = [0.05 + 0.9 * random.next(), 0.05 + 0.9 * random.next()]
    const draw = (probability: number): number =>
      Array.from({ length: 64 }, () => random.next() < probability).filter(Boolean).length
    const before = { successes: draw(p), trials: 64 }
    const after = { successes: draw(q), trials: 64 }
    const difference = differenceInterval(before, after)
    const { low, high } = wilson(before)
    if (low <= p && p <= high) held++
    if (difference.low <= q - p && q - p <= difference.high) heldDifference++
  }
  assert.ok(held / runs >= 0.94, `share: ${held / runs}`)
  assert.ok(heldDifference / runs >= 0.94, `difference: ${heldDifference / runs}`)
})
