import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { lastDigit, markovModel, tokenizer, valueOf } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }
const common = { mode: 'published', gap: 0.15, rollouts: 128, verifier: lastDigit, ...sampler } as const

const trace = (completion: string, number = 0) => ({
  id: 'p',
  problem: 'xy',
  answer: '1',
  trace_id: `p-${number}`,
  completion,
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  teacher_model: 'teacher',
  verifier_id: lastDigit.id,
})

interface Found {
  readonly position: number
  readonly pivot_token: string
  readonly confirmed: boolean
  readonly prob_before: number
  readonly prob_after: number
  readonly prob_delta: number
  readonly delta_low: number
  readonly delta_high: number
  readonly logprob: number
  readonly n_after: number
  readonly chosen_token: string | null
  readonly rejected_token: string | null
  readonly prob_chosen_low: number | null
  readonly prob_rejected_high: number | null
  readonly chosen_id: number | null
  readonly on_policy: boolean
  readonly estimator: string
}
const found = (rows: readonly unknown[]) => rows as readonly Found[]

test('planted pivots are found, confirmed and paired, with disjoint intervals', async () => {
  const { kept, counters } = await pivotsOf(findPivotalTokens({ student: markovModel(), ...common }), [
    trace('xxAxxAx1'),
  ])
  const rows = found(kept)
  assert.deepEqual(
    rows.map(({ position, pivot_token: token, confirmed }) => [position, token, confirmed]),
    [
      [2, 'A', true],
      [5, 'A', true],
    ],
  )
  for (const row of rows) {
    assert.deepEqual([row.chosen_token, row.rejected_token], ['A', 'B'])
    assert.ok((row.prob_chosen_low as number) > (row.prob_rejected_high as number))
    assert.equal(row.on_policy, false)
    assert.equal(row.estimator, 'published, stratified')
    assert.ok(Math.abs(row.prob_delta - (row.prob_after - row.prob_before)) < 1e-12)
  }
  assert.equal(counters.pivotal_tokens, 2)
  assert.equal(counters.certified_pairs, 2)
  assert.ok((counters.trace_tokens_pruned ?? 0) >= 5)
})

test('a token that lowers the probability is the rejected side', async () => {
  const { kept } = await pivotsOf(findPivotalTokens({ student: markovModel(), ...common }), [
    trace('xxBxxBx1'),
  ])
  const first = found(kept).find(({ position }) => position === 2)
  assert.deepEqual([first?.pivot_token, first?.chosen_token, first?.rejected_token], ['B', 'A', 'B'])
  assert.ok((first?.prob_delta ?? 0) < 0)
  const last = found(kept).find(({ position }) => position === 7)
  assert.equal(last?.prob_after, 1, 'the digit decides the answer')
})

test('dpoPivotal writes one exact token a side after the exact prefix, and skips what has no pair', async () => {
  const { kept } = await pivotsOf(findPivotalTokens({ student: markovModel(), ...common }), [
    trace('xxAxxAx1'),
  ])
  const rows = kept.flatMap((row) => [...dpoPivotal.rows(row as Parameters<typeof dpoPivotal.rows>[0])])
  assert.equal(rows.length, 2)
  const [first] = rows
  assert.equal(first?.prompt, 'xy|xx')
  assert.deepEqual(first.prompt_ids, tokenizer.encode('xy|xx'))
  assert.deepEqual([first.chosen_ids, first.rejected_ids], [tokenizer.encode('A'), tokenizer.encode('B')])
  assert.equal(first.metadata.original_query, 'xy')
  const without = { ...kept[0], chosen_id: null, rejected_id: null }
  assert.deepEqual([...dpoPivotal.rows(without as Parameters<typeof dpoPivotal.rows>[0])], [])
})

test('one sampler: exact prefix ids, the cap on the total, no seed twice, no rollout of a finished answer', async () => {
  const student = markovModel()
  await pivotsOf(findPivotalTokens({ student, ...common }), [trace('xxAxxAx1')])
  const prompt = tokenizer.encode('xy|')
  for (const { prompt: asked, options } of student.calls) {
    assert.ok(asked.kind === 'tokens')
    const { ids } = asked
    assert.deepEqual(ids.slice(0, prompt.length), prompt)
    assert.equal(options.maxTokens, sampler.maxTokens - (ids.length - prompt.length))
    assert.ok(!ids.includes(tokenizer.eos.id))
    assert.deepEqual([options.temperature, options.topP, options.topK], [1, 1, 0])
  }
  assert.equal(new Set(student.calls.map(({ options }) => options.seed)).size, student.calls.length)
})

test('results do not depend on which rollout or which trace is finished first', async () => {
  const traces = ['xxAxxAx1', 'xxBxxBx1', 'xxAxxBx1', 'xyAxxAx1'].map(trace)
  const run = (latency: (correct: boolean, i: number) => number, concurrency: number) =>
    pivotsOf(
      findPivotalTokens({ student: markovModel({ latency }), ...common, rollouts: 64, concurrency }),
      traces,
    )
  const straight = await run(() => 0, 1)
  assert.ok(straight.kept.length > 4)
  assert.deepEqual(await run((correct) => (correct ? 0 : 3), 4), straight)
  assert.deepEqual(await run((_, i) => (i * 7) % 3, 2), straight)
})

test('intervals hold the truth and no change exceeds 1 - mu beyond noise, over 60 runs', async () => {
  let [rows, held, beyond] = [0, 0, 0]
  for (let seed = 0; seed < 60; seed++) {
    const text = ['xxAxxAx1', 'xxBxxBx1', 'xxAxxBx1'][seed % 3] as string
    const stage = findPivotalTokens({ student: markovModel(), ...common, rollouts: 48 })
    for (const row of found((await pivotsOf(stage, [trace(text)], seed)).kept)) {
      const truth = valueOf(text.slice(0, row.position + 1)) - valueOf(text.slice(0, row.position))
      rows++
      if (row.delta_low <= truth && truth <= row.delta_high) held++
      const bound = 1 - Math.exp(row.logprob)
      if (row.delta_low > bound || row.delta_high < -bound) beyond++
    }
  }
  assert.ok(rows > 60, `${rows} pivots`)
  assert.ok(beyond / rows <= 0.05, `${beyond} of ${rows} changes beyond their bound`)
  assert.ok(held / rows >= 0.93, `${held} of ${rows} intervals hold the truth`)
})

test('a trace the policy is sure of has no pivotal token: it is dropped with its reason, and costs no rollout', async () => {
  const student = scriptedModel({
    tokenizer,
    complete: (_, i) => (i % 2 === 0 ? '1' : '0'),
    score: (ids, from) => ids.slice(from).map(() => -0.1),
  })
  const { kept, dropped } = await pivotsOf(findPivotalTokens({ student, ...common }), [trace('xxx')])
  assert.deepEqual(kept, [])
  assert.deepEqual(
    dropped.map(({ reason }) => reason),
    ['no pivotal token'],
  )
  assert.equal(student.calls.filter(({ options }) => options.n > 1).length, 0)
})

test('a truncated rollout is a failure, whatever its text says', async () => {
  const student = scriptedModel({
    tokenizer,
    complete: () => ({ text: 'x1', finishReason: 'length' }),
    score: (ids, from) => ids.slice(from).map(() => -1),
  })
  const { kept } = await pivotsOf(findPivotalTokens({ student, ...common }), [trace('x1')])
  const [row] = found(kept)
  assert.deepEqual([row?.position, row?.prob_after], [2, 1])
  assert.ok(Math.abs((row?.prob_before ?? 0) - Math.exp(-1)) < 1e-9, 'it succeeds by the token alone')
})

test('traces of another tokenizer are encoded once by the text; what cannot be spelt or is too long is dropped', async () => {
  const stage = () => findPivotalTokens({ student: markovModel(), ...common })
  const foreign = { ...trace('xxAxxAx1'), completion_ids: [900, 901, 902] }
  const hidden = { ...trace('xxAxxAx1'), completion_ids: null }
  const exact = await pivotsOf(stage(), [trace('xxAxxAx1')])
  assert.deepEqual((await pivotsOf(stage(), [foreign])).kept.map(withoutIds), exact.kept.map(withoutIds))
  assert.deepEqual((await pivotsOf(stage(), [hidden])).kept.map(withoutIds), exact.kept.map(withoutIds))
  const bad = await pivotsOf(stage(), [{ ...trace('é1'), completion_ids: null }, trace('xxxxxxxxxxxx1')])
  assert.deepEqual(
    bad.dropped.map(({ reason }) => reason),
    ["trace changed by the policy's tokenizer", 'trace longer than the token limit'],
  )
})

const withoutIds = (row: Record<string, unknown>) => ({ ...row, completion_ids: null })

test('refused before anything is spent: no token ids, no log-probabilities, greedy', () => {
  const complete = (): string => '1'
  const score = (ids: readonly number[]): readonly number[] => ids.map(() => -1)
  const refuse = (student: ReturnType<typeof scriptedModel>, temperature: number, words: RegExp): void => {
    assert.throws(() => findPivotalTokens({ ...common, student, temperature }), words)
    assert.equal(student.calls.length, 0)
  }
  refuse(scriptedModel({ complete, score }), 1, /token-id prompts/)
  refuse(scriptedModel({ complete, tokenizer }), 1, /log-probabilities/)
  refuse(scriptedModel({ complete, score, tokenizer }), 0, /temperature 0/)
})

test('log-probabilities of another process than the rollouts are refused after one rollout', async () => {
  let asked = 0
  const student = scriptedModel({
    tokenizer,
    complete: () => {
      asked++
      return { tokenIds: [5, tokenizer.eos.id], text: '1', logprobs: [-0.7, 0] }
    },
    score: (ids, from) => ids.slice(from).map(() => -0.35),
  })
  await assert.rejects(
    pivotsOf(findPivotalTokens({ student, ...common }), [trace('xxAxxAx1')]),
    /scores a token 0\.350 nats away/,
  )
  assert.equal(asked, 1)
})

test('an engine that gives fewer rollouts than asked is an error, not a smaller sample', async () => {
  const model = markovModel()
  const student = {
    ...model,
    sample: async (...asked: Parameters<typeof model.sample>) => (await model.sample(...asked)).slice(1),
  }
  await assert.rejects(
    pivotsOf(findPivotalTokens({ student, ...common }), [trace('xxAxxAx1')]),
    /127 of 128 rollouts/,
  )
})
