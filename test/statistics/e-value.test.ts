import assert from 'node:assert/strict'
import { test } from 'node:test'
import { equalSharesEValue, expectedShare } from '../../src/statistics/e-value.ts'

/** Binomial probabilities of 0..n successes. */
function binomial(n: number, p: number): number[] {
  const masses = [(1 - p) ** n]
  for (let k = 1; k <= n; k++) masses.push((((masses[k - 1] as number) * (n - k + 1)) / k) * (p / (1 - p)))
  return masses
}

const meanOver = (
  nA: number,
  nB: number,
  pA: number,
  pB: number,
  expected: readonly [number, number],
): number =>
  binomial(nA, pA).reduce(
    (sum, massA, a) =>
      sum +
      binomial(nB, pB).reduce(
        (inner, massB, b) =>
          inner +
          massA *
            massB *
            equalSharesEValue(
              [
                { successes: a, trials: nA },
                { successes: b, trials: nB },
              ],
              expected,
            ),
        0,
      ),
    0,
  )

test('its mean is at most 1 whatever the common probability and the expectation, summed over all outcomes', () => {
  for (const p of [0.02, 0.3, 0.5, 0.9]) {
    for (const expected of [
      [0.2, 0.7],
      [0.5, 0.5],
      [0.95, 0.05],
      [0.6, 0.61],
    ] as const) {
      for (const [nA, nB] of [
        [12, 12],
        [5, 17],
        [1, 1],
      ] as const) {
        const mean = meanOver(nA, nB, p, p, expected)
        assert.ok(mean <= 1 + 1e-9, `mean ${mean} at p ${p}, expected ${expected.join(' and ')}`)
      }
    }
  }
})

test('it grows where the probabilities differ as expected, and is 1 where nothing was expected', () => {
  assert.ok(meanOver(16, 16, 0.8, 0.3, [0.8, 0.3]) > 20)
  const even = [
    { successes: 3, trials: 8 },
    { successes: 8, trials: 8 },
  ] as const
  assert.equal(equalSharesEValue(even, [0.5, 0.5]), 1)
  assert.equal(
    equalSharesEValue(
      [
        { successes: 0, trials: 0 },
        { successes: 0, trials: 0 },
      ],
      [0.1, 0.9],
    ),
    1,
  )
})

test('a hand-worked value: one success expected at .8, one failure at .2, common .5', () => {
  const value = equalSharesEValue(
    [
      { successes: 1, trials: 1 },
      { successes: 0, trials: 1 },
    ],
    [0.8, 0.2],
  )
  assert.ok(Math.abs(value - 1.6 * 1.6) < 1e-12)
  assert.equal(expectedShare({ successes: 0, trials: 4 }), 0.1)
})
