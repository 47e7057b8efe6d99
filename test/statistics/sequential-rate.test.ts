import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { share, wilson } from '../../src/statistics/estimate.ts'
import { jeffreys } from '../../src/statistics/jeffreys.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { type RateRule, sequentialRate } from '../../src/statistics/sequential-rate.ts'

const near = (actual: number, expected: number, by = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= by, `${actual} is not ${expected}`)

const rule: RateRule = { low: 0.2, high: 0.8, most: 64, first: 8, doubt: 0.05 }

test("Jeffreys' interval leaves 2.5 % of the posterior at either side, and ends at 0 and 1", () => {
  const { low, high } = jeffreys({ successes: 3, trials: 15 })
  const steps = 200_000
  let [all, under, over] = [0, 0, 0]
  for (let i = 0; i < steps; i++) {
    const p = (i + 0.5) / steps
    const density = p ** 2.5 * (1 - p) ** 11.5
    all += density
    if (p < low) under += density
    if (p > high) over += density
  }
  near(under / all, 0.025, 1e-4)
  near(over / all, 0.025, 1e-4)
  assert.equal(jeffreys({ successes: 0, trials: 9 }).low, 0)
  assert.equal(jeffreys({ successes: 9, trials: 9 }).high, 1)
  assert.deepEqual(jeffreys({ successes: 0, trials: 0 }), { low: 0, high: 1 })
})

test('clearly hopeless and trivial problems stop after the first steps, those at an edge go to the cap', () => {
  const { more, looks } = sequentialRate(rule)
  assert.deepEqual(looks, [8, 12, 16, 24, 32, 48, 64])
  assert.equal(more({ successes: 0, trials: 0 }), 8)
  assert.equal(more({ successes: 0, trials: 8 }), 0)
  assert.equal(more({ successes: 8, trials: 8 }), 0)
  assert.equal(more({ successes: 2, trials: 8 }), 4)
  assert.equal(more({ successes: 10, trials: 48 }), 0 + 16)
  assert.equal(more({ successes: 13, trials: 64 }), 0)
  assert.throws(() => more({ successes: 1, trials: 9 }), /looks after 8, 12/)
})

test('without doubt it decides as the cap does, and all trials that cannot matter are saved', () => {
  const sure = sequentialRate({ ...rule, doubt: 0 })
  const fixed = sequentialRate({ ...rule, first: 64 })
  assert.deepEqual(fixed.looks, [64])
  assert.equal(sure.more({ successes: 24, trials: 48 }), 0)
  const random = rngFor('curtailed')
  for (let run = 0; run < 200; run++) {
    const p = random.next()
    const draws = Array.from({ length: 64 }, () => random.next() < p)
    const after = (trials: number) => ({ successes: draws.slice(0, trials).filter(Boolean).length, trials })
    let estimate = after(0)
    for (let more = sure.more(estimate); more > 0; more = sure.more(estimate))
      estimate = after(estimate.trials + more)
    assert.equal(sure.side(estimate), fixed.side(after(64)))
  }
})

test('the probabilities of all ends sum to one, and the sides are what many runs show', () => {
  const { ends, side } = sequentialRate(rule)
  for (const p of [0, 0.1, 0.2, 0.5, 0.77, 1])
    near(
      ends(p).reduce((sum, { probability }) => sum + probability, 0),
      1,
    )
  const over = ends(0.95).reduce((sum, end) => sum + (side(end) === 'over' ? end.probability : 0), 0)
  assert.ok(over > 0.95)
})

/** Exact probability that the interval holds p. */
function coverage(of: RateRule, p: number, interval = sequentialRate(of).interval): number {
  return sequentialRate(of)
    .ends(p)
    .reduce((sum, end) => {
      const { low, high } = interval(end)
      return sum + (low <= p + 1e-9 && p <= high + 1e-9 ? end.probability : 0)
    }, 0)
}

test("the interval holds the truth 95 times in 100 at every truth, where Wilson's alone does not", () => {
  const rules = [rule, { ...rule, low: 0.4, high: 1, most: 40, first: 6 }, { ...rule, doubt: 0.2 }]
  for (const of of rules) {
    const { interval, ends } = sequentialRate(of)
    for (let i = 0; i <= 50; i++) assert.ok(coverage(of, i / 50, interval) >= 0.95, `${i / 50}`)
    for (const end of ends(0.5)) {
      const { low, high } = interval(end)
      assert.ok(low <= share(end) && share(end) <= high && low >= 0 && high <= 1)
      assert.ok(low <= wilson(end).low && wilson(end).high <= high)
    }
  }
  assert.ok(coverage(rule, 0.179, wilson) < 0.89)
})

test('on U-shaped pass rates it takes under half of 64 rollouts, and errs no more near the edges (exact)', () => {
  const weigh = (of: RateRule) => {
    const { ends, side } = sequentialRate(of)
    let [weight, rollouts, nearWeight, errors] = [0, 0, 0, 0]
    for (let p = 0.005; p < 1; p += 0.01) {
      const density = (p * (1 - p)) ** -0.7
      const truth = side({ successes: p, trials: 1 })
      const near = Math.min(Math.abs(p - 0.2), Math.abs(p - 0.8)) < 0.1 ? density : 0
      weight += density
      nearWeight += near
      for (const end of ends(p)) {
        rollouts += density * end.probability * end.trials
        if (side(end) !== truth) errors += near * end.probability
      }
    }
    return { rollouts: rollouts / weight, errors: errors / nearWeight }
  }
  const [gate, fixed] = [weigh({ ...rule, most: 80 }), weigh({ ...rule, first: 64 })]
  near(fixed.rollouts, 64)
  assert.ok(gate.rollouts < 64 / 2, `${gate.rollouts}`)
  assert.ok(gate.errors <= fixed.errors, `${gate.errors} against ${fixed.errors}`)
})

test('whatever the rule, an end is at a look and the side it stops on is that of its share', () => {
  const rules = fc.record({
    low: fc.double({ min: 0, max: 0.5, noNaN: true }),
    high: fc.double({ min: 0.5, max: 1, noNaN: true }),
    most: fc.integer({ min: 1, max: 40 }),
    first: fc.integer({ min: 1, max: 12 }),
    doubt: fc.double({ min: 0, max: 0.3, noNaN: true }),
  })
  fc.assert(
    fc.property(rules, (drawn) => {
      const of = { ...drawn, first: Math.min(drawn.first, drawn.most) }
      const { ends, looks, more } = sequentialRate(of)
      const all = ends(0.3)
      assert.ok(Math.abs(all.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-9)
      for (const end of all) {
        assert.ok(looks.includes(end.trials))
        assert.equal(more(end), 0)
      }
      assert.equal(looks.at(-1), of.most)
    }),
  )
})

test('a rule that makes no sense is refused with all that is wrong', () => {
  assert.throws(
    () => sequentialRate({ low: 0.8, high: 0.2, most: 0, first: 3, doubt: 0.5 }),
    /a band from 0.8 to 0.2, 0 trials at most, 3 trials first, doubt 0.5/,
  )
})
