import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differenceEvidence, differenceSequence } from '../../src/statistics/difference-test.ts'
import { rngFor } from '../../src/statistics/random.ts'

const uniform = { a: 1, b: 1 }
const side = (successes: number, trials: number, expected = uniform) => ({ successes, trials, expected })
const near = (actual: number, expected: number, by = 1e-6): void =>
  assert.ok(Math.abs(actual - expected) <= by, `${actual} is not ${expected}`)

test('hand-worked: one success against one failure', () => {
  // The mixture gives either 1/2; with equal p the best is p (1 - p) = 1/4.
  near(Math.exp(differenceEvidence(side(1, 1), side(0, 1), 0)), 1)
  // p_a = p_b + 1/2: (p + 1/2)(1 - p) is largest at 1/4.
  near(Math.exp(differenceEvidence(side(1, 1), side(0, 1), 0.5)), 0.25 / 0.75 ** 2)
  // Against a known 0: the likelihood at 1/2 is 1/2.
  near(Math.exp(differenceEvidence(side(1, 1), 0, 0.5)), 1)
})

test('its mean is at most 1 wherever the hypothesis holds, summed over all outcomes', () => {
  const masses = (n: number, p: number): number[] => {
    const all = [(1 - p) ** n]
    for (let k = 1; k <= n; k++) all.push((((all[k - 1] as number) * (n - k + 1)) / k) * (p / (1 - p)))
    return all
  }
  for (const [p, r] of [
    [0.5, 0.5],
    [0.6, 0.4],
    [0.9, 0.75],
    [0.05, 0.24],
  ] as const)
    // prettier-ignore
    for (const expected of [uniform, { a: 6, b: 2 }]) {
      let mean = 0
      for (const [a, massA] of masses(9, p).entries())
        for (const [b, massB] of masses(7, r).entries())
          mean += massA * massB * Math.exp(differenceEvidence(side(a, 9, expected), side(b, 7), 0.2))
      assert.ok(mean <= 1, `mean ${mean} at ${p} and ${r}`)
    }
})

test('watched after every trial, it reaches 1 / alpha in at most alpha of the runs', () => {
  let reached = 0
  for (let run = 0; run < 400; run++) {
    const random = rngFor('watched', run)
    const [a, b] = [side(0, 0), side(0, 0)].map((one) => ({ ...one }))
    if (a === undefined || b === undefined) return
    for (let trial = 0; trial < 60; trial++) {
      const [to, p] = random.next() < 0.5 ? [a, 0.6] : [b, 0.4]
      to.trials++
      if (random.next() < p) to.successes++
      if (differenceEvidence(a, b, 0.2) < Math.log(10)) continue
      reached++
      break
    }
  }
  assert.ok(reached <= 40, `${reached} of 400 at alpha .1`)
})

test('the sequence holds the difference at all times in 95 % of the runs, and one mean likewise', () => {
  let [lost, lostMean] = [0, 0]
  for (let run = 0; run < 200; run++) {
    const random = rngFor('sequence', run)
    const [p, r] = [random.next(), random.next()]
    const [a, b] = [
      { ...side(0, 0), truth: p },
      { ...side(0, 0), truth: r },
    ]
    let [out, outMean] = [false, false]
    for (let look = 0; look < 8; look++) {
      for (const to of [a, b])
        for (let trial = 0; trial < 8; trial++) {
          to.trials++
          if (random.next() < to.truth) to.successes++
        }
      const [both, mean] = [differenceSequence(a, b), differenceSequence(a, 0)]
      out ||= both.low > p - r || both.high < p - r
      outMean ||= mean.low > p || mean.high < p
    }
    if (out) lost++
    if (outMean) lostMean++
  }
  assert.ok(lost <= 10, `${lost} of 200`)
  assert.ok(lostMean <= 10, `${lostMean} of 200`)
})

test('without trials anything is possible; a known side takes part without any', () => {
  assert.deepEqual(differenceSequence(side(0, 0), side(0, 0)), { low: -1, high: 1 })
  assert.deepEqual(differenceSequence(1, side(0, 0)), { low: 0, high: 1 })
  const { low, high } = differenceSequence(1, side(10, 100))
  assert.ok(low > 0.7 && low < 0.9 && high > 0.9 && high < 1, `${low} to ${high}`)
})

test('the sequence turns round with its sides', () => {
  const [one, other] = [side(9, 64), side(40, 50)]
  const [forth, back] = [differenceSequence(one, other), differenceSequence(other, one)]
  near(forth.low, -back.high)
  near(forth.high, -back.low)
})
