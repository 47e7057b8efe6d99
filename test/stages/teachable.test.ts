import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { teachable, type TeachableOptions } from '../../src/stages/teachable.ts'
import { jeffreys } from '../../src/statistics/jeffreys.ts'
import { wilson } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'
import { lastDigit, markovModel, tokenizer, valueOf } from './markov.ts'
import { runStage } from './run-stage.ts'

const common = {
  low: 0.2,
  high: 0.8,
  rollouts: 20,
  first: 20,
  verifier: lastDigit,
  temperature: 1,
  topP: 1,
  topK: 0,
  maxTokens: 12,
}
const problem = (id: string) => ({ id, problem: 'xy', answer: '1' })

/** A student that is right in the first `right` of its rollouts. */
const student = (right: number) => scriptedModel({ complete: (_, i) => (i < right ? '1' : '0') })

/** A student that is right at the given places of all its rollouts. */
function studentOf(right: (launched: number) => boolean) {
  let launched = 0
  return scriptedModel({ complete: () => (right(launched++) ? '1' : '0') })
}

test('keeps the band, its ends included, and drops with the reason', async () => {
  const outcome = async (right: number): Promise<string> => {
    const { kept, dropped } = await runStage(teachable({ student: student(right), ...common }), [
      problem('p'),
    ])
    return dropped[0]?.reason ?? `kept ${String(kept[0]?.pass_rate)}`
  }
  assert.match(await outcome(3), /^too hard/)
  assert.equal(await outcome(4), 'kept 0.2')
  assert.equal(await outcome(16), 'kept 0.8')
  assert.match(await outcome(17), /^too easy/)
})

test('columns are the estimate with its trials, its intervals, and the rollouts with their verdicts', async () => {
  const model = scriptedModel({ tokenizer, complete: (_, i) => (i < 9 ? 'A1' : 'B0') })
  const { kept } = await runStage(teachable({ student: model, ...common }), [problem('p')])
  const estimate = { successes: 9, trials: 20 }
  const [fixed, beta] = [wilson(estimate), jeffreys(estimate)]
  const [row] = kept
  assert.ok(row !== undefined)
  const { pass_rate_low: low, pass_rate_high: high, gate_rollout_ids: ids, ...rest } = row
  assert.deepEqual(rest, {
    ...problem('p'),
    pass_rate: 0.45,
    n_rollouts: 20,
    n_correct: 9,
    pass_rate_wilson_low: fixed.low,
    pass_rate_wilson_high: fixed.high,
    pass_rate_beta_low: beta.low,
    pass_rate_beta_high: beta.high,
    pass_rate_stop: 'cap',
    gate_verdicts: Array.from({ length: 20 }, (_, i) => i < 9),
  })
  assert.ok((low as number) <= fixed.low && fixed.high <= (high as number))
  assert.deepEqual((ids as number[][])[8], [...tokenizer.encode('A1'), tokenizer.eos.id])
  assert.equal((ids as number[][]).length, 20)
  const without = await runStage(teachable({ student: model, ...common, keepRollouts: false }), [
    problem('p'),
  ])
  assert.equal(without.kept[0]?.gate_rollout_ids, null)
})

const steps = { ...common, rollouts: 64, first: 8 }

test('hopeless and trivial problems cost eight rollouts, one at the edge the cap; all keep their estimate', async () => {
  const ends = async (right: (launched: number) => boolean) => {
    const { kept, dropped, counters } = await runStage(teachable({ student: studentOf(right), ...steps }), [
      problem('p'),
    ])
    const row = kept[0] ?? dropped[0]?.row
    return [row?.n_rollouts, row?.n_correct, row?.pass_rate_stop, counters.gate_rollouts_saved]
  }
  assert.deepEqual(await ends(() => false), [8, 0, 'hopeless', 56])
  assert.deepEqual(await ends(() => true), [8, 8, 'trivial', 56])
  assert.deepEqual(await ends((launched) => launched % 2 === 0), [8, 4, 'teachable', 56])
  assert.deepEqual(await ends((launched) => launched % 5 === 0), [64, 13, 'cap', 0])
})

test('a longer run goes on where a shorter one stopped', async () => {
  const drawn = async (rollouts: number) => {
    const of = { ...steps, low: 0.45, high: 0.55, rollouts, doubt: 0 }
    const rows = Array.from({ length: 8 }, (_, i) => problem(`p${i}`))
    const { kept, dropped } = await runStage(teachable({ student: markovModel(), ...of }), rows)
    const all = [...kept, ...dropped.map(({ row }) => row)]
    return new Map(all.map((row) => [row.id, row.gate_rollout_ids as number[][]]))
  }
  const [short, long] = [await drawn(24), await drawn(40)]
  for (const [id, rollouts] of short) {
    const longer = long.get(id) ?? []
    const both = Math.min(rollouts.length, longer.length)
    assert.deepEqual(rollouts.slice(0, both), longer.slice(0, both))
  }
  assert.ok([...long.values()].some(({ length }) => length > 24))
})

test('a truncated rollout is a failure and stays in the count; unreadable ones are counted', async () => {
  const model = scriptedModel({
    complete: (_, i) => (i < 15 ? { text: '#### 1', finishReason: i < 10 ? 'stop' : 'length' } : 'one'),
  })
  const of: TeachableOptions = { student: model, ...common, verifier: numericAnswer }
  const { kept, counters } = await runStage(teachable(of), [problem('p')])
  assert.deepEqual([kept[0]?.pass_rate, kept[0]?.n_rollouts], [0.5, 20])
  assert.deepEqual([counters.gate_rollouts_cut_off, counters.gate_rollouts_unparsed], [5, 5])
})

test('several traces of one problem buy one estimate', async () => {
  const model = student(9)
  const rows = ['a', 'a', 'b', 'a'].map(problem)
  const { kept, counters } = await runStage(teachable({ student: model, ...common }), rows)
  assert.equal(kept.length, 4)
  assert.equal(model.calls.length, 2)
  assert.equal(counters.gate_problems, 2)
})

test('draws follow the run seed and the problem, not the order or the concurrency', async () => {
  const rows = Array.from({ length: 12 }, (_, i) => problem(`p${i}`))
  const run = (concurrency: number, seed: number, order = rows) =>
    runStage(teachable({ student: markovModel(), ...steps, concurrency }), order, seed)
  const rates = ({ kept, dropped }: Awaited<ReturnType<typeof run>>) =>
    [...kept, ...dropped.map(({ row }) => row)]
      .map(({ id, pass_rate: rate, n_rollouts: n }) => [id as string, rate as number, n] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  const straight = rates(await run(1, 7))
  assert.deepEqual(rates(await run(8, 7)), straight)
  assert.deepEqual(rates(await run(1, 7, [...rows].reverse())), straight)
  assert.notDeepEqual(rates(await run(1, 8)), straight)
  assert.ok(new Set(straight.map(([, rate]) => rate)).size > 1)
})

test('the interval covers the true rate though wrong answers come later (launch order)', async () => {
  const truth = valueOf('')
  let held = 0
  const runs = 300
  const model = markovModel({ latency: (correct, i) => (correct ? 0 : 1 + rngFor('late', i).below(2)) })
  const stage = teachable({ student: model, ...steps, rollouts: 32, low: 0.4, high: 1, concurrency: 16 })
  const rows = Array.from({ length: runs }, (_, i) => problem(`p${i}`))
  const { kept, dropped } = await runStage(stage, rows)
  for (const { pass_rate_low: low, pass_rate_high: high } of [...kept, ...dropped.map(({ row }) => row)])
    if ((low as number) <= truth && truth <= (high as number)) held++
  assert.ok(held / runs >= 0.93, `${held} of ${runs}`)
})

test('an endpoint that gives fewer rollouts than asked for stops the run', async () => {
  const model = { ...student(9), sample: () => Promise.resolve([]) }
  await assert.rejects(
    runStage(teachable({ student: model, ...common }), [problem('p')]),
    /0 of 20 completions/,
  )
})
