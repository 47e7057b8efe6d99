import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import { pick, type SamplingRule, scoreOf } from '../../src/nn/sampling.ts'

interface Warped {
  readonly size: number
  readonly rule: SamplingRule
  /** Tokens that transformers leaves. */
  readonly kept: number
  /** Id and log-probability of the likeliest of them. */
  readonly likeliest: readonly (readonly [number, number])[]
}

const file = new URL('../fixtures/transformers/sampling.json', import.meta.url)
const cases = JSON.parse(readFileSync(file, 'utf8')) as Warped[]

for (const { size, rule, kept, likeliest } of cases) {
  test(`${JSON.stringify(rule)} of ${size} tokens leaves what transformers' warpers leave in vLLM's order`, () => {
    const logits = Float32Array.from({ length: size }, (_, i) => ((i * 7919) % 1009) / 100)
    const scores = Array.from(logits, (_, id) => scoreOf(logits, id, rule).logprob)
    assert.equal(scores.filter((score) => score > -Infinity).length, kept)
    for (const [id, logprob] of likeliest) {
      assert.ok(Math.abs((scores[id] as number) - logprob) < 1e-6, `${id}: ${scores[id]} is not ${logprob}`)
    }
  })
}

/** Every token's probability, by the definition: sort everything, cut, normalise. */
function plain(logits: Float32Array, { temperature, topP, topK, minP = 0 }: SamplingRule): number[] {
  const highest = Math.max(...logits)
  const mass = Array.from(logits, (logit) => Math.exp((logit - highest) / temperature))
  let ids = mass.map((_, id) => id).filter((id) => (mass[id] as number) >= minP)
  ids.sort((a, b) => (mass[b] as number) - (mass[a] as number) || a - b)
  const last = topK === 0 || topK >= ids.length ? 0 : (mass[ids[topK - 1] as number] as number)
  ids = ids.filter((id) => (mass[id] as number) >= last)
  const total = ids.reduce((sum, id) => sum + (mass[id] as number), 0)
  let before = 0
  ids = ids.filter((id, i) => {
    const stays = i === 0 || topP >= 1 || before < topP * total
    before += mass[id] as number
    return stays
  })
  const left = ids.reduce((sum, id) => sum + (mass[id] as number), 0)
  return mass.map((value, id) => (ids.includes(id) ? value / left : 0))
}

const anyLogits = fc
  .array(fc.integer({ min: -60, max: 60 }), { minLength: 1, maxLength: 40 })
  .map((tenths) => Float32Array.from(tenths, (tenth) => tenth / 4))
const anyRule = fc.record({
  temperature: fc.constantFrom(0.3, 1, 1.7, 20),
  topP: fc.constantFrom(0, 0.31, 0.7, 0.97, 1),
  topK: fc.constantFrom(0, 1, 3, 17, 100),
  minP: fc.constantFrom(undefined, 0, 0.003, 0.2, 1),
})

test('sorting heads of the distribution leaves what sorting all of it leaves', () => {
  fc.assert(
    fc.property(anyLogits, anyRule, (logits, rule) => {
      plain(logits, rule).forEach((p, id) => {
        assert.ok(Math.abs(Math.exp(scoreOf(logits, id, rule).logprob) - p) < 1e-12, `token ${id}`)
      })
    }),
    { numRuns: 500 },
  )
})

test('what is picked has the log-probabilities of the sampler and of the model', () => {
  fc.assert(
    fc.property(
      anyLogits,
      anyRule,
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (logits, rule, u) => {
        const { id, logprob, modelLogprob } = pick(logits, rule, u)
        assert.equal(logprob, scoreOf(logits, id, rule).logprob)
        const model = scoreOf(logits, id, { temperature: 1, topP: 1, topK: 0 }).logprob
        assert.ok(Math.abs(modelLogprob - model) < 1e-12)
        const greedy = pick(logits, { ...rule, temperature: 0 }, u)
        assert.equal(greedy.logprob, 0)
        assert.ok(greedy.modelLogprob >= modelLogprob - 1e-12)
      },
    ),
  )
})

test('banned tokens are never picked; the rest keep their proportions', () => {
  const logits = Float32Array.of(1, 3, 2, 0)
  const rule = { temperature: 2, topP: 1, topK: 0 }
  const free = [0, 1, 2, 3].map((id) => Math.exp(scoreOf(logits, id, rule).logprob))
  for (let i = 0; i < 100; i++) {
    const { id, logprob } = pick(logits, rule, i / 100, [1, 3])
    assert.ok(id === 0 || id === 2)
    const share = (free[id] as number) / ((free[0] as number) + (free[2] as number))
    assert.ok(Math.abs(Math.exp(logprob) - share) < 1e-12)
  }
  assert.equal(pick(logits, { ...rule, temperature: 0 }, 0, [1]).id, 2)
  assert.equal(pick(logits, { ...rule, topK: 3 }, 1 - 2 ** -53, [0, 1, 2]).id, 3)
})
