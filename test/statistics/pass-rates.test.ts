import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { clusteredInterval, pairedDifference } from '../../src/statistics/clustered.ts'
import { wilson } from '../../src/statistics/estimate.ts'
import { mcnemarExact } from '../../src/statistics/mcnemar.ts'
import { passAtK } from '../../src/statistics/pass-at-k.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { signFlipExact } from '../../src/statistics/sign-flip.ts'

const near = (got: number, want: number, by = 1e-9): void =>
  assert.ok(Math.abs(got - want) <= by, `${got} is not ${want}`)

test('pass@k is the share of k-subsets with a pass, counted one by one', () => {
  for (const [n, c] of [
    [5, 0],
    [5, 2],
    [6, 1],
    [6, 6],
  ] as const) {
    for (let k = 1; k <= n; k++) {
      let [all, passing] = [0, 0]
      for (let subset = 0; subset < 1 << n; subset++) {
        if (subset.toString(2).replaceAll('0', '').length !== k) continue
        all++
        if ((subset & ((1 << c) - 1)) !== 0) passing++
      }
      near(passAtK({ successes: c, trials: n }, k), passing / all)
    }
  }
  near(passAtK({ successes: 3, trials: 10 }, 1), 0.3)
  near(passAtK({ successes: 1, trials: 200 }, 100), 0.5)
})

test('the clustered interval is Wilson with one draw a problem, and wider than Wilson with draws that go together', () => {
  const ones = [1, 0, 1, 1, 0, 0, 0, 1, 1, 1]
  const [got, want] = [clusteredInterval(ones, 10), wilson({ successes: 6, trials: 10 })]
  near(got.low, want.low)
  near(got.high, want.high)
  const repeated = clusteredInterval(ones, 80)
  near(repeated.low, want.low)
  // Differing shares: between one trial a problem and one a draw.
  const shares = clusteredInterval([0.25, 0.5, 0.75, 0.5], 16)
  const [few, many] = [wilson({ successes: 2, trials: 4 }), wilson({ successes: 8, trials: 16 })]
  assert.ok(shares.low > few.low && shares.low <= many.low + 1e-12)
  assert.deepEqual(clusteredInterval([1, 1, 1], 12), wilson({ successes: 3, trials: 3 }))
})

test('95 % intervals of clustered draws hold the truth in about 95 of 100 samples', () => {
  const random = rngFor('clustered coverage')
  let [held, naive] = [0, 0]
  for (let sample = 0; sample < 1000; sample++) {
    // Every problem passes with a probability of its own, uniform: the true mean is 0.5.
    const counts = Array.from({ length: 100 }, () => {
      const p = random.next()
      return Array.from({ length: 8 }).filter(() => random.next() < p).length
    })
    const { low, high } = clusteredInterval(
      counts.map((c) => c / 8),
      800,
    )
    if (low <= 0.5 && high >= 0.5) held++
    const plain = wilson({ successes: counts.reduce((a, b) => a + b, 0), trials: 800 })
    if (plain.low <= 0.5 && plain.high >= 0.5) naive++
  }
  assert.ok(held >= 930 && held <= 970, `${held} of 1000`)
  assert.ok(naive < 800, `the interval that takes draws for independent: ${naive} of 1000`)
})

test("the sign-flip test is McNemar's for differences of one, and counts all flips for others", () => {
  for (const [gained, lost] of [
    [0, 0],
    [5, 0],
    [12, 4],
    [300, 220],
  ] as const) {
    const differences = [...Array<number>(gained).fill(1), ...Array<number>(lost).fill(-1), 0, 0]
    near(signFlipExact(differences), mcnemarExact(gained, lost), 1e-9)
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -6, max: 6 }), { maxLength: 9 }), (differences) => {
      const seen = Math.abs(differences.reduce((a, b) => a + b, 0))
      let [all, far] = [0, 0]
      for (let flips = 0; flips < 1 << differences.length; flips++) {
        const sum = differences.reduce((total, d, i) => total + ((flips >> i) & 1 ? d : -d), 0)
        all++
        if (Math.abs(sum) >= seen) far++
      }
      near(signFlipExact(differences), far / all, 1e-9)
    }),
  )
})

test('a paired difference has the mean and the interval of the differences', () => {
  const { mean, interval } = pairedDifference([0.5, 0, 0.25, 0.25], 2)
  near(mean, 0.25)
  near(interval.high - mean, 2 * Math.sqrt(0.125 / 3 / 4))
})
