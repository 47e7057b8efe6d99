import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wilson } from '../../src/statistics/estimate.ts'
import {
  boundsOf,
  intervalOf,
  likeliest,
  logLikelihood,
  probability,
  type Trials,
  trialsOf,
  worthAt,
} from '../../src/statistics/side.ts'

const expected = { a: 1, b: 1 }
const part = (successes: number, trials: number, low = 0, high = 1): Trials => ({
  ...{ successes, trials, expected },
  within: { low, high },
})
const plain = (successes: number, trials: number): Trials => ({ successes, trials, expected })
const near = (actual: number, wanted: number, by = 1e-7): void =>
  assert.ok(Math.abs(actual - wanted) <= by, `${actual} is not ${wanted}`)

test('trials without bounds are a share with Wilson’s interval, with bounds of 0 and 1 as without', () => {
  for (const [successes, trials] of [
    [0, 5],
    [3, 8],
    [8, 8],
    [41, 256],
  ] as const)
    for (const side of [plain(successes, trials), part(successes, trials), [part(successes, trials)]]) {
      near(probability(side), successes / trials, 1e-15)
      assert.deepEqual(boundsOf(side), { low: 0, high: 1 })
      assert.equal(trialsOf(side), trials)
      const [{ low, high }, wanted] = [intervalOf(side), wilson({ successes, trials })]
      near(low, wanted.low, 1e-12)
      near(high, wanted.high, 1e-12)
    }
})

test('what is known has no width; of what nothing is known all is possible', () => {
  assert.deepEqual([probability(0.3), trialsOf(0.3)], [0.3, 0])
  assert.deepEqual([boundsOf(0.3), intervalOf(0.3)], [point(0.3), point(0.3)])
  for (const side of [plain(0, 0), []]) {
    assert.deepEqual([probability(side), trialsOf(side)], [0.5, 0])
    assert.deepEqual(intervalOf(side), { low: 0, high: 1 })
  }
})

const point = (p: number) => ({ low: p, high: p })

test('hand-worked: bounds .2 and .6 and a success in four are .3, and Wilson’s interval between them', () => {
  const side = part(1, 4, 0.2, 0.6)
  near(probability(side), 0.3, 1e-15)
  const between = wilson({ successes: 1, trials: 4 })
  near(intervalOf(side).low, 0.2 + 0.4 * between.low)
  near(intervalOf(side).high, 0.2 + 0.4 * between.high)
})

test('hand-worked: what became known later bounds what was drawn before it', () => {
  const later = [part(1, 10), part(0, 0, 0.4, 0.9)]
  assert.deepEqual(boundsOf(later), { low: 0.4, high: 0.9 })
  assert.equal(probability(later), 0.4)
  assert.equal(intervalOf(later).low, 0.4)
  assert.ok(intervalOf(later).high < 0.9, 'its trials count')
  assert.equal(probability([part(10, 10), part(0, 0, 0.4, 0.9)]), 0.9)
  assert.equal(probability([part(0, 0, 0.4, 0.9)]), 0.65)
  assert.equal(probability([part(3, 4), part(0, 0, 0.7, 0.7)]), 0.7)
})

test('bounds that rounding alone keeps apart are one point, and its interval is that point', () => {
  const side = [part(1, 2), part(0, 0, 0.3, 1), part(0, 0, 0, 0.3 - 2 ** -53)]
  const { low, high } = boundsOf(side)
  assert.equal(low, high)
  assert.deepEqual([probability(side), intervalOf(side)], [low, { low, high }])
})

test('hand-worked: two parts are likeliest where the slopes of their likelihoods cancel', () => {
  // A success between 0 and 1, a failure between 0 and 1/2: log p + log(1 - 2 p) is largest at 1/4.
  near(probability([part(1, 1), part(0, 1, 0, 0.5)]), 0.25)
  // Two successes instead: 2 / p = 2 / (1 - 2 p) at 1/3.
  near(probability([part(2, 2), part(0, 1, 0, 0.5)]), 1 / 3)
  // A failure between 0 and 1, a success between 1/2 and 1: 1 / (1 - p) = 1 / (p - 1/2) at 3/4.
  near(probability([part(0, 1), part(1, 1, 0.5, 1)]), 0.75)
})

test('hand-worked: the interval of two parts gives each the variance it has there', () => {
  // Near .51 a trial between .49 and .99 hardly varies, and one between 0 and 1 as much as it can.
  const side = [part(18, 30), part(1, 30, 0.49, 0.99)]
  const { low, high } = intervalOf(side)
  for (const [value, at] of [
    [low, 'low'],
    [high, 'high'],
  ] as const) {
    // prettier-ignore
    const q = (value - 0.49) / 0.5
    const slope = (18 - 30 * value) / (value * (1 - value)) + (1 - 30 * q) / (0.5 * q * (1 - q))
    const information = 30 / (value * (1 - value)) + 30 / (0.25 * q * (1 - q))
    near(Math.abs(slope) / Math.sqrt(information), 1.959963984540054, 1e-6)
    assert.equal(slope > 0, at === 'low')
  }
  const alone = intervalOf(part(1, 30, 0.49, 0.99))
  assert.ok(low > alone.low && high > alone.high - 0.02 && high - low > 0.05, `${low} to ${high}`)
})

test('hand-worked: a trial between narrower bounds is worth as many as its variance is less', () => {
  const whole = { low: 0, high: 1 }
  near(worthAt([part(3, 4)], whole).worth, 4)
  near(worthAt([part(1, 4, 0.2, 0.6)], whole).worth, 25)
  near(worthAt([part(1, 4, 0.2, 0.6)], whole).mean, 0.3)
  // Means .5 and .3, weighed 4 to 25.
  near(worthAt([part(2, 4), part(1, 4, 0.2, 0.6)], whole).mean, (4 * 0.5 + 25 * 0.3) / 29)
  const narrow = worthAt([part(2, 4), part(1, 4, 0.2, 0.6)], { low: 0.2, high: 0.6 })
  near(narrow.worth, 29 * 0.16)
  near(narrow.mean, ((4 * 0.5 + 25 * 0.3) / 29 - 0.2) / 0.4)
  assert.deepEqual(worthAt([part(2, 4)], { low: 0.3, high: 0.3 }), { mean: 0.5, worth: 0 })
  assert.deepEqual(worthAt([], whole), { mean: 0.5, worth: 0 })
  assert.equal(worthAt([part(0, 4)], { low: 0.5, high: 1 }).mean, 0)
})

/** Parts of one side as they come: bounds that only narrow. */
const parts = fc
  .array(
    fc.tuple(
      fc.double({ min: 0, max: 0.3, noNaN: true }),
      fc.double({ min: 0, max: 0.3, noNaN: true }),
      fc.nat({ max: 6 }),
      fc.nat({ max: 6 }),
    ),
    { minLength: 1, maxLength: 4 },
  ) // prettier-ignore
  .map((drawn) => {
    let [low, high] = [0, 1]
    return drawn.map(([up, down, successes, failures]) => {
      const side = part(successes, successes + failures, low, high)
      ;[low, high] = [low + up * (high - low), high - down * (high - low)]
      return side
    })
  })

test('what is likeliest lies within all bounds, and nothing else within them is likelier', () => {
  fc.assert(
    fc.property(parts, fc.double({ min: 0, max: 1, noNaN: true }), (side, at) => {
      const { low, high } = boundsOf(side)
      const best = probability(side)
      assert.ok(best >= low && best <= high, `${best}`)
      const other = low + at * (high - low)
      assert.ok(logLikelihood(side, other) <= logLikelihood(side, best) + 1e-9, `${other} before ${best}`)
      const interval = intervalOf(side)
      const within = interval.low >= low - 1e-12 && interval.high <= high + 1e-12
      assert.ok(within && interval.low <= interval.high, `${interval.low} to ${interval.high}`)
    }),
    { numRuns: 200 },
  )
})

test('the order of the parts and how trials of equal bounds are split among them do not matter', () => {
  const [early, late] = [part(5, 9), part(3, 4, 0.2, 0.7)]
  near(probability([early, late]), probability([late, early]), 1e-12)
  const split = [part(2, 3), part(1, 2, 0.2, 0.7), part(3, 6), part(2, 2, 0.2, 0.7)]
  near(probability([early, late]), probability(split))
  near(intervalOf([early, late]).low, intervalOf(split).low, 1e-12)
})

test('hand-worked: the largest of a concave function, also at an end where it is without limit beyond', () => {
  near(
    likeliest((p) => -((p - 0.3) ** 2), 0, 1),
    0.3,
  )
  assert.equal(
    likeliest((p) => Math.log(1 - p), 0, 1),
    0,
  )
  assert.equal(
    likeliest((p) => Math.log(p), 0, 1),
    1,
  )
  assert.equal(
    likeliest((p) => p, 0.4, 0.4),
    0.4,
  )
})
