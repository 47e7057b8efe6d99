import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { onTrace } from '../../src/stages/pivotal/on-trace.ts'
import { gateRollouts } from '../../src/stages/pivotal/question.ts'
import type { Bought } from '../../src/stages/pivotal/rollouts.ts'
import { sentenceEnds } from '../../src/stages/pivotal/sentences.ts'
import { lastDigit, markovModel, tokenizer } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }
const common = { gap: 0.15, rollouts: 48, verifier: lastDigit, ...sampler } as const

const trace = (completion: string, number: number, more: object = {}) => ({
  id: 'p',
  problem: 'xy',
  answer: '1',
  trace_id: `p-${number}`,
  completion,
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  teacher_model: 'teacher',
  ...more,
})

const bought = (prefix: readonly number[], ids: readonly number[], more: Partial<Bought> = {}): Bought => ({
  ...{ prefix, ids, logprobs: null, finishReason: 'stop', verdict: 'equal', answer: null, purpose: 'search' },
  ...{ banned: [], launchSeq: 0, seed: 0, sample: 0, promptTokens: 0, cachedTokens: null },
  ...more,
})

test('a rollout counts on a trace from where it was launched to where it leaves it', () => {
  const of = [1, 2, 3, 4, 9]
  assert.deepEqual(onTrace(bought([], [1, 2, 7, 9]), of), {
    ...{ node: 0, diverged: 2, token: 7, correct: true, tokens: 4, forced: false },
    drawn: { ids: [1, 2, 7, 9], logprobs: null },
  })
  assert.equal(onTrace(bought([1, 2], [3, 4, 9], { verdict: 'different' }), of)?.diverged, 5)
  assert.equal(onTrace(bought([1, 5], [3, 9]), of), null, 'launched off the trace')
  assert.equal(onTrace(bought([1], [5, 9], { banned: [2] }), of)?.forced, true)
  assert.equal(onTrace(bought([1], [5, 9], { banned: [6] }), of), null, 'kept from another token')
  assert.equal(onTrace(bought([1], [5, 9], { banned: [2, 6] }), of), null, 'kept from more than its token')
  const cut = onTrace(bought([1], [2, 3], { verdict: 'truncated', finishReason: 'length' }), of)
  assert.deepEqual([cut?.diverged, cut?.token, cut?.correct], [3, -1, false])
})

test('mapped onto any trace, a rollout agrees with it up to where it diverged', () => {
  const token = fc.integer({ min: 0, max: 2 })
  const ids = fc.array(token, { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(ids, fc.nat(5), ids, (of, depth, drawn) => {
      const prefix = of.slice(0, Math.min(depth, of.length - 1))
      const seen = onTrace(bought(prefix, drawn), of)
      const whole = [...prefix, ...drawn]
      assert.ok(seen !== null && seen.node === prefix.length && seen.diverged >= seen.node)
      assert.deepEqual(whole.slice(0, seen.diverged), of.slice(0, seen.diverged))
      if (seen.token === null) assert.equal(seen.diverged, of.length)
      else assert.notEqual(seen.token, of[seen.diverged])
    }),
  )
})

test('rollouts of a question serve all its traces, in the order of the rows whatever the concurrency', async () => {
  const rows = [
    trace('xxAxxAx1', 0),
    trace('xxBxxAx1', 1),
    { ...trace('xxAxxBx1', 0), id: 'q', trace_id: 'q-0' },
  ]
  const run = (concurrency: number) =>
    pivotsOf(findPivotalTokens({ student: markovModel(), ...common, concurrency }), rows)
  const found = await run(1)
  const spent = found.searched.map((row) => row.spent as Record<string, number>)
  assert.equal(spent[0]?.known_rollouts, 0)
  assert.ok((spent[1]?.known_rollouts ?? 0) > 0, 'the second trace knows the first one’s rollouts')
  assert.equal(spent[2]?.known_rollouts, 0, 'another question')
  assert.deepEqual(await run(8), found)
})

const gate = {
  gate_rollout_ids: ['xxAxxAx1', 'xxBxxBx0', 'xxAxxBx1'].map((text) => [
    ...tokenizer.encode(text),
    tokenizer.eos.id,
  ]),
  gate_verdicts: [true, false, true],
}

test('gate rollouts seed a trace of the teacher, never one that the policy wrote, and only whole ones of the same cap', async () => {
  const knownOf = async (row: Record<string, unknown>): Promise<unknown> => {
    const { searched } = await pivotsOf(findPivotalTokens({ student: markovModel(), ...common }), [row])
    return (searched[0]?.spent as Record<string, number>).known_rollouts
  }
  assert.equal(await knownOf(trace('xxAxxAx1', 0, gate)), 3)
  assert.equal(await knownOf(trace('xxAxxAx1', 0, { ...gate, teacher_model: 'markov' })), 0)
  assert.equal(await knownOf(trace('xxAxxAx1', 0, { gate_rollout_ids: null, gate_verdicts: null })), 0)
  const cut = { ...gate, gate_rollout_ids: gate.gate_rollout_ids.map((ids) => ids.slice(0, 4)) }
  const of = { eos: tokenizer.eos.id, maxTokens: 12, onPolicy: false }
  assert.equal(gateRollouts(cut, of).length, 0, 'cut off at another cap')
  assert.equal(gateRollouts(cut, { ...of, maxTokens: 4 }).length, 3)
})

test('equal answers are verified once a question', async () => {
  const looked: string[] = []
  const verifier = {
    ...lastDigit,
    verify: async (completion: string, answer: string) => {
      looked.push(completion)
      await new Promise((resolve) => setImmediate(resolve))
      return lastDigit.verify(completion, answer, '')
    },
  }
  const stage = findPivotalTokens({ student: markovModel(), ...common, verifier })
  const { counters } = await pivotsOf(stage, [trace('xxAxxAx1', 0), trace('xxBxxAx1', 1)])
  assert.ok((counters.student_rollouts ?? 0) > 200)
  assert.equal(new Set(looked).size, looked.length)
})

test('sentences end where Unicode says, and with lines; a token that starts with the space begins the next', () => {
  const ends = (...tokens: string[]): string[] => {
    let from = 0
    return sentenceEnds(tokens).map((end) => tokens.slice(from, (from = end)).join(''))
  }
  assert.deepEqual(ends('So', ' x', '=', '3.5', '.', ' Then', ' y', '=2', '.'), ['So x=3.5.', ' Then y=2.'])
  assert.deepEqual(ends('3*4', '=12\n', '12+1', '=13\n', '#### 13'), ['3*4=12\n', '12+1=13\n', '#### 13'])
  assert.deepEqual(ends('A', '.\n\n', 'B'), ['A.\n\n', 'B'])
  assert.deepEqual(sentenceEnds(['no', ' end']), [2])
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }), { minLength: 1 }),
      (tokens) => {
        const found = sentenceEnds(tokens)
        assert.equal(found.at(-1), tokens.length)
        found.forEach((end, i) => assert.ok(end > (found[i - 1] ?? 0)))
      },
    ),
  )
})
