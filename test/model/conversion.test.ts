import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { samplerBounds, type Top } from '../../src/model/http/conversion.ts'
import { scoreOf } from '../../src/nn/sampling.ts'

/** A distribution, and what a server lists of it. */
const place = fc.record({
  logits: fc.array(fc.double({ min: -8, max: 4, noNaN: true }), { minLength: 3, maxLength: 40 }),
  listed: fc.integer({ min: 1, max: 12 }),
  at: fc.nat(),
})
const rule = fc.record({
  temperature: fc.double({ min: 0.3, max: 3, noNaN: true }),
  topP: fc.oneof(fc.constant(1), fc.double({ min: 0.05, max: 1, noNaN: true })),
  topK: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
  minP: fc.oneof(fc.constant(0), fc.double({ min: 0.001, max: 0.5, noNaN: true })),
})

function logprobsOf(logits: Float32Array): number[] {
  const total = Math.log(logits.reduce((sum, value) => sum + Math.exp(value), 0))
  return Array.from(logits, (value) => value - total)
}

const topOf = (logprobs: readonly number[], count: number): Top =>
  logprobs
    .map((logprob, id) => ({ id, logprob }))
    .sort((a, b) => b.logprob - a.logprob || a.id - b.id)
    .slice(0, count)

test("the sampler's log-probability lies within the bounds, whatever the list and the rule", () => {
  let [exact, bounded] = [0, 0]
  fc.assert(
    fc.property(place, rule, ({ logits, listed, at }, of) => {
      const values = Float32Array.from(logits)
      const id = at % values.length
      const logprobs = logprobsOf(values)
      const token = { id, logprob: logprobs[id] as number }
      const where = { taken: 'model', vocabulary: values.length } as const
      const bounds = samplerBounds(token, topOf(logprobs, listed), of, where)
      if (bounds === null) return
      const { logprob } = scoreOf(values, id, of)
      if (bounds.high - bounds.low > 1e-3) bounded++
      else exact++
      // A token at the very edge of what is kept may fall on either side of it by rounding.
      const edge = [1 - 1e-4, 1 + 1e-4].some((by) => {
        const near = { ...of, topP: Math.min(1, of.topP * by), minP: of.minP * by }
        return Math.abs(Math.max(scoreOf(values, id, near).logprob, -1e3) - Math.max(logprob, -1e3)) > 1e-2
      })
      if (edge) return
      // -Infinity for a token that truncation leaves out is no claim of an unlisted one.
      if (logprob === -Infinity) return
      assert.ok(bounds.low <= logprob + 1e-5, `${bounds.low} above ${logprob}`)
      assert.ok(bounds.high >= logprob - 1e-5, `${bounds.high} below ${logprob}`)
    }),
    { numRuns: 4000, seed: 7 },
  )
  assert.ok(exact > 500 && bounded > 100, `${exact} exact, ${bounded} bounded`)
})

test('worked by hand: half and a quarter listed, at temperature one half', () => {
  // Weights p^2: 1/4, 1/16, and at most 1/4 x 1/4 of the rest: mu between .25/.375 and .25/(.3125 + 1/4 x 1/16).
  const top = [0.5, 0.25].map((p, id) => ({ id, logprob: Math.log(p) }))
  const half = { temperature: 0.5, topP: 1, topK: 0 }
  const bounds = samplerBounds({ id: 0, logprob: Math.log(0.5) }, top, half, {
    taken: 'model',
    vocabulary: 6,
  })
  assert.ok(bounds !== null)
  assert.ok(Math.abs(Math.exp(bounds.low) - 0.25 / 0.375) < 1e-12)
  assert.ok(Math.abs(Math.exp(bounds.high) - 0.25 / (0.3125 + 1 / 64)) < 1e-12)
})
