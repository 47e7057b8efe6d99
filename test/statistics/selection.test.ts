import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eBenjaminiHochberg } from '../../src/statistics/e-bh.ts'
import { mostPivotsExpected } from '../../src/statistics/martingale.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { differenceSequence } from '../../src/statistics/difference-test.ts'
import { stratifiedChange } from '../../src/statistics/stratified-change.ts'
import { binomial, makeWorld } from '../stages/toy-world.ts'

const log = (values: readonly number[]): number[] => values.map(Math.log)
const expected = { a: 1, b: 1 }

test('e-BH, worked by hand: thresholds 40, 20, 13.3 and 10 of four at q .1', () => {
  assert.deepEqual(eBenjaminiHochberg(log([1, 100, 5, 30]), 0.1), [false, true, false, true])
  assert.deepEqual(eBenjaminiHochberg(log([30, 30, 1, 1]), 0.1), [true, true, false, false])
  assert.deepEqual(eBenjaminiHochberg(log([39, 19, 13, 9]), 0.1), [false, false, false, false])
  assert.deepEqual(eBenjaminiHochberg(log([11, 11, 11, 11]), 0.1), [true, true, true, true])
  assert.deepEqual(eBenjaminiHochberg([], 0.1), [])
})

test('e-BH keeps false discoveries under q when all e-values rise and fall together', () => {
  let share = 0
  for (let run = 0; run < 500; run++) {
    // One uniform for all ten nulls: P(e >= x) = 1 / x, the worst an e-value of mean 1 can do at one threshold.
    const null_ = rngFor('e-bh', run).next() < 1 / 40 ? 40 : 0.1
    const rejected = eBenjaminiHochberg(log([...Array<number>(10).fill(null_), 100, 100, 100]), 0.1)
    const wrong = rejected.slice(0, 10).filter(Boolean).length
    share += wrong / Math.max(1, rejected.filter(Boolean).length) / 500
  }
  assert.ok(share <= 0.1, `${share}`)
})

test('a stratified change, worked by hand, never exceeds the probability to leave', () => {
  const taken = { successes: 18, trials: 20, expected }
  const other = { successes: 4, trials: 20, expected }
  const change = stratifiedChange(taken, other, 0.4)
  assert.ok(Math.abs(change.delta - 0.4 * 0.7) < 1e-12)
  assert.ok(change.low > 0 && change.low < 0.28 && change.high > 0.28 && change.high <= 0.4)
  const bounded = stratifiedChange(taken, other, 0.3, { low: 0.2, high: 0.4 })
  // Where leaving has an interval too, either may miss half as often, and each end takes the wider of the two.
  const { low, high } = differenceSequence(taken, other, 0.025)
  assert.ok(Math.abs(bounded.low - 0.2 * low) < 1e-9 && Math.abs(bounded.high - 0.4 * high) < 1e-9)
  assert.ok(low < change.low / 0.4 && high >= change.high / 0.4)
})

test('at Pi .5 it varies a quarter as much as the plain difference of as many rollouts', () => {
  let [stratified, plain] = [0, 0]
  for (let run = 0; run < 2000; run++) {
    const random = rngFor('variance', run)
    const [before, after, other] = [0.5, 0.55, 0.45].map((p) => binomial(p, 20, random).successes / 20)
    stratified += (0.5 * ((after as number) - (other as number)) - 0.05) ** 2
    plain += ((after as number) - (before as number) - 0.05) ** 2
  }
  const ratio = plain / stratified
  assert.ok(ratio > 3.2 && ratio < 4.8, `${ratio}`)
})

test('squared changes sum to p (1 - p) at most in the mean, and pivotal tokens to that over the squared gap', () => {
  assert.ok(Math.abs(mostPivotsExpected(0.5, 0.2) - 6.25) < 1e-12)
  let [squares, bound] = [0, 0]
  for (let i = 0; i < 300; i++) {
    const { values } = makeWorld(100, 'martingale', i)
    const p = values[0] as number
    bound += mostPivotsExpected(p, 1)
    squares += values.slice(1).reduce((sum, v, k) => sum + (v - (values[k] as number)) ** 2, 0)
  }
  assert.ok(squares < bound && squares > bound / 3, `${squares} of ${bound}`)
})
