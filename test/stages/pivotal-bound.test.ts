import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Model } from '../../src/model/model.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import type { SearchMode } from '../../src/stages/pivotal/search/result.ts'
import type { Told } from './coverage.ts'
import { tokenizer } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'
import { randomPolicy } from './random-policy.ts'

const modes: readonly SearchMode[] = ['published', 'frugal', 'thorough']
const untouched = { temperature: 1, topP: 1, topK: 0, minP: 0 }
type Rule = typeof untouched

const rules: fc.Arbitrary<Rule> = fc.record({
  temperature: fc.double({ min: 0.3, max: 2, noNaN: true }),
  topP: fc.oneof(fc.constant(1), fc.double({ min: 0.3, max: 0.99, noNaN: true })),
  topK: fc.constantFrom(0, 0, 2, 3, 5),
  minP: fc.constantFrom(0, 0, 0.1),
})

/** What the stage reports of an answer that the policy wrote under a rule of its own, and the text before each token of it. */
async function reported(
  seed: number,
  mode: SearchMode,
  rule: Rule,
  { written = rule, model = randomPolicy(seed).model }: { written?: Rule; model?: Model } = {},
) {
  const { write, verifier } = randomPolicy(seed)
  const ids = write(written, seed)
  const rows = [
    {
      ...{ id: 'p', problem: 'xy', answer: '1', trace_id: 'p-0', teacher_model: 'teacher' },
      ...{ completion: tokenizer.decode(ids).replace('<end>', ''), completion_ids: ids },
    },
  ]
  const of = {
    student: model,
    verifier,
    mode,
    gap: 0.1,
    rollouts: 16,
    confirmRollouts: 16,
    ...rule,
    maxTokens: 9,
  }
  const { kept } = await pivotsOf(findPivotalTokens(of), rows, seed)
  return (kept as unknown as readonly Told[]).map((told) => ({
    ...told,
    id: ids[told.position] as number,
    before: tokenizer.decode(ids.slice(0, told.position)),
  }))
}

const rounding = 1e-9

/** The change; and of a confirmed one its whole interval. What was never tested has the search's two standard errors. */
function checkWithin(told: Told, leave: number): void {
  const { prob_delta: delta, delta_low: low, delta_high: high, confirmed } = told
  assert.ok(Math.abs(delta) <= leave + rounding, `${delta} where ${leave} leave`)
  if (confirmed)
    assert.ok(low >= -leave - rounding && high <= leave + rounding, `${low} to ${high}: ${leave}`)
}

test('no reported change exceeds 1 - mu of the sampler, whatever the policy, the temperature and the truncation', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.constantFrom(...modes),
      rules,
      fc.boolean(),
      async (seed, mode, rule, own) => {
        const { next } = randomPolicy(seed)
        for (const told of await reported(seed, mode, rule, own ? {} : { written: untouched })) {
          const mu = next(told.before, rule).get(told.id) ?? 0
          assert.ok(Math.abs(Math.exp(told.logprob) - mu) < rounding, `${told.logprob} for ${mu}`)
          checkWithin(told, 1 - mu)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('that mu is the sampler’s: above temperature 1 some changes exceed 1 - mu of the policy itself', async () => {
  const hot = { ...untouched, temperature: 4 }
  let [beyond, within] = [0, 0]
  for (let seed = 0; seed < 24; seed++) {
    const { next } = randomPolicy(seed)
    for (const { before, id, prob_delta: delta } of await reported(seed, 'frugal', hot, {
      written: untouched,
    }))
      if (Math.abs(delta) > 1 - (next(before, untouched).get(id) as number)) beyond++
      else within++
  }
  assert.ok(beyond >= 1 && within >= 1, `${beyond} beyond, ${within} within`)
})

test('a log-probability that is only bounded bounds the change as well as it can: by 1 less than its bound', async () => {
  const looseness = Math.log(0.8)
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom(...modes), rules, async (seed, mode, rule) => {
      const { model } = randomPolicy(seed)
      const score: Model['score'] = async (...asked) =>
        (await model.score(...asked)).map(({ logprob, ...rest }) => ({
          ...{ ...rest, logprob: logprob + looseness, isLowerBound: true },
        }))
      for (const told of await reported(seed, mode, rule, { model: { ...model, score } }))
        checkWithin(told, -Math.expm1(told.logprob))
    }),
    { numRuns: 30 },
  )
})
