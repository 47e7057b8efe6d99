import assert from 'node:assert/strict'
import { test } from 'node:test'
import { betaInterval, logPredictive, updated } from '../../src/statistics/beta.ts'
import { normalCdf } from '../../src/statistics/normal.ts'

const near = (actual: number, expected: number, by = 1e-9): void =>
  assert.ok(Math.abs(actual - expected) <= by, `${actual} is not ${expected}`)

test('Beta intervals are those that can be worked by hand', () => {
  const { low, high } = betaInterval({ a: 1, b: 1 })
  near(low, 0.025)
  near(high, 0.975)
  near(betaInterval({ a: 2, b: 1 }).low, Math.sqrt(0.025))
  near(betaInterval({ a: 1, b: 40 }).high, 1 - 0.025 ** (1 / 40))
  // arcsine distribution
  near(betaInterval({ a: 0.5, b: 0.5 }, 0.8).low, Math.sin((Math.PI * 0.1) / 2) ** 2)
})

test('Jeffreys’ interval of 0 in 10 ends at .2172', () => {
  near(betaInterval(updated({ a: 0.5, b: 0.5 }, { successes: 0, trials: 10 })).high, 0.2172, 5e-5)
})

test('many trials: the interval is narrow, centred and mirrored', () => {
  const [one, other] = [betaInterval({ a: 3001, b: 7001 }), betaInterval({ a: 7001, b: 3001 })]
  near(one.low, 0.3 - 1.96 * Math.sqrt(0.21 / 1e4), 2e-4)
  near(one.low, 1 - other.high)
})

test('under a uniform belief every number of successes is as likely: 1 / ((n + 1) C(n, k)) an order', () => {
  near(logPredictive({ a: 1, b: 1 }, { successes: 2, trials: 4 }), Math.log(1 / (5 * 6)))
  near(logPredictive({ a: 1, b: 1 }, { successes: 0, trials: 0 }), 0)
  near(logPredictive({ a: 0.5, b: 0.5 }, { successes: 1, trials: 1 }), Math.log(0.5))
})

test('the normal distribution function, to seven figures', () => {
  near(normalCdf(0), 0.5, 1e-7)
  near(normalCdf(1.959964), 0.975, 1e-7)
  near(normalCdf(-1), 0.15865525, 1e-7)
})
