import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { rngFor } from '../../src/statistics/random.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { coverageOf, firstToFinish } from './coverage.ts'
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

test('every mode finds the planted pivots, and frugal and thorough with fewer rollouts than published', async () => {
  const spent: number[] = []
  for (const mode of ['published', 'frugal', 'thorough'] as const) {
    const stage = findPivotalTokens({
      student: markovModel(),
      ...sampler,
      mode,
      gap: 0.15,
      verifier: lastDigit,
    })
    const { kept, counters } = await pivotsOf(stage, [trace('xxAxxAx1'), trace('xxBxxBx1', 1)])
    const at = found(kept).filter(({ confirmed }) => confirmed)
    for (const position of [2, 5])
      assert.ok(
        at.some((row) => row.position === position),
        `${mode} at ${position}`,
      )
    spent.push(counters.student_rollouts ?? 0)
  }
  assert.ok((spent[1] ?? 0) < (spent[0] ?? 0) && (spent[2] ?? 0) < (spent[0] ?? 0), String(spent))
})

test('where first tokens can be banned, other tokens are drawn for the asking: only by a sampler that cuts nothing off', async () => {
  for (const [topK, forces] of [
    [0, true],
    [5, false],
  ] as const) {
    const plain = markovModel()
    const student = { ...plain, capabilities: { ...plain.capabilities, bannedFirst: true } }
    const stage = findPivotalTokens({ student, ...sampler, topK, gap: 0.2, verifier: lastDigit })
    const { searched } = await pivotsOf(stage, [trace('xxAxxAx1')])
    const banned = student.calls.filter(({ options }) => options.bannedFirst !== undefined)
    assert.equal(banned.length > 0, forces)
    const nodes = searched[0]?.nodes as readonly { forced_launched: number }[]
    assert.equal(
      nodes.some((node) => node.forced_launched > 0),
      forces,
    )
  }
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

test('intervals hold the truth although wrong answers come later, and no change exceeds 1 - mu', async () => {
  for (const mode of ['published', 'frugal', 'thorough'] as const) {
    const { found, held, beyond, wrong, sides, sidesHeld } = await coverageOf(mode, { runs: 30 })
    assert.ok(found >= 40, `${mode}: ${found} pivotal tokens`)
    assert.ok(held / found >= 0.95, `${mode}: ${held} of ${found} intervals hold the truth`)
    assert.ok(sides >= 30 && sidesHeld / sides >= 0.9, `${mode}: ${sidesHeld} of ${sides} sides of pairs`)
    assert.deepEqual([beyond, wrong], [0, 0], mode)
  }
})

test('rollouts taken as they finish, not as they were launched, would break the intervals', async () => {
  const { found, held } = await coverageOf('frugal', { runs: 40, model: firstToFinish(markovModel()) })
  assert.ok(held / found < 0.95, `${held} of ${found} intervals hold the truth`)
})

test('a log-probability that is only bounded says so: how often the policy leaves there is counted', async () => {
  const exact = markovModel()
  const student = {
    ...exact,
    score: async (...asked: Parameters<typeof exact.score>) =>
      (await exact.score(...asked)).map((score) => ({ ...score, isLowerBound: true as const })),
  }
  const stage = findPivotalTokens({ student, ...sampler, gap: 0.2, verifier: lastDigit })
  const { kept } = await pivotsOf(stage, [trace('xxAxxAx1')])
  const first = (kept as { [name: string]: unknown }[]).find(({ position }) => position === 2)
  assert.deepEqual([first?.logprob_is_lower_bound, first?.estimator], [true, 'frugal, leaving counted'])
  const [low, high] = [first?.delta_low as number, first?.delta_high as number]
  const truth = valueOf('xxA') - valueOf('xx')
  assert.ok(low <= truth && truth <= high, `${low} to ${high}`)
})

test('min-p is part of the sampler: it goes with every rollout and is told', async () => {
  const student = markovModel()
  const stage = findPivotalTokens({ student, ...sampler, minP: 0.05, gap: 0.2, verifier: lastDigit })
  const { searched } = await pivotsOf(stage, [trace('xxAxxAx1')])
  assert.ok(student.calls.every(({ options }) => options.minP === 0.05))
  assert.match(String(searched[0]?.sampler_fingerprint), /"minP":0.05/)
})

test('a token that ends the answer needs no rollouts after it, and has its pair', async () => {
  const next = (text: string): readonly (readonly [string, number])[] =>
    text.length === 1 ? [['<end>', 0.5], ['1', 0.5]] : [[text === '' ? '1' : '<end>', 1]] // prettier-ignore
  const student = scriptedModel({
    tokenizer,
    complete: (prompt, i, { seed }) => {
      const ids = prompt.kind === 'tokens' ? prompt.ids : []
      const before = tokenizer.decode(ids).split('|')[1] ?? ''
      if (before.length === 2) return ''
      const ends = rngFor(seed, i).next() < 0.5
      return (before === '' ? '1' : '') + (ends ? '' : '1')
    },
    score: (ids, from) =>
      ids.slice(from).map((id, k) => {
        const before = tokenizer.decode(ids.slice(0, from + k)).split('|')[1] ?? ''
        return Math.log(next(before).find(([letter]) => letter === tokenizer.decode([id]))?.[1] ?? 0)
      }),
  })
  const verifier: Verifier = {
    id: 'short/1',
    verify: (text) => ({ verdict: text.length === 1 ? 'equal' : 'different', extracted: text, reason: null }),
  }
  const stage = findPivotalTokens({ student, ...sampler, gap: 0.2, verifier })
  const { kept } = await pivotsOf(stage, [trace('1')])
  const [row] = kept as { [name: string]: unknown }[]
  assert.deepEqual([row?.position, row?.pivot_token, row?.prob_after, row?.n_after], [1, '<end>', 1, 0])
  assert.deepEqual([row?.chosen_token, row?.rejected_token, row?.prob_rejected], ['<end>', '1', 0])
  assert.deepEqual([row?.chosen_branch, row?.rejected_branch], ['<end>', '1<end>'])
})

test('a truncated rollout is a failure, whatever its text says', async () => {
  const student = scriptedModel({
    tokenizer,
    complete: () => ({ text: 'x1', finishReason: 'length' }),
    score: (ids, from) => ids.slice(from).map(() => -1),
  })
  const { kept, searched } = await pivotsOf(findPivotalTokens({ student, ...common }), [trace('x1')])
  const [row] = found(kept)
  assert.deepEqual([row?.position, row?.prob_after], [2, 1])
  assert.ok(Math.abs((row?.prob_before ?? 0) - Math.exp(-1)) < 1e-9, 'it succeeds by the token alone')
  const bought = searched[0]?.rollouts as readonly { verdict: string; answer: string | null }[]
  assert.ok(bought.every(({ verdict, answer }) => verdict === 'truncated' && answer === null))
  const drawn = student.calls.filter(({ options }) => options.n > 1)
  assert.equal(
    drawn.reduce((sum, { options }) => sum + options.n, 0),
    bought.length,
    'none is bought again',
  )
})

test('traces of another tokenizer are encoded once by the text; what cannot be spelt or is too long is dropped', async () => {
  const stage = findPivotalTokens({ student: markovModel(), ...common })
  const foreign = { ...trace('xxAxxAx1'), completion_ids: [900, 901, 902] }
  const hidden = { ...trace('xxAxxAx1'), completion_ids: null }
  const exact = await pivotsOf(stage, [trace('xxAxxAx1')])
  assert.deepEqual((await pivotsOf(stage, [foreign])).kept.map(withoutIds), exact.kept.map(withoutIds))
  assert.deepEqual((await pivotsOf(stage, [hidden])).kept.map(withoutIds), exact.kept.map(withoutIds))
  const bad = await pivotsOf(stage, [{ ...trace('é1'), completion_ids: null }, trace('xxxxxxxxxxxx1')])
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
