import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { teachable } from '../../src/stages/teachable.ts'
import { wilson } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { lastDigit, markovModel, valueOf } from './markov.ts'
import { runStage } from './run-stage.ts'

const common = {
  low: 0.2,
  high: 0.8,
  rollouts: 20,
  verifier: lastDigit,
  temperature: 1,
  topP: 1,
  topK: 0,
  maxTokens: 12,
}
const problem = (id: string) => ({ id, problem: 'xy', answer: '1' })

/** A student that is right in the first `right` of its rollouts. */
const student = (right: number) => scriptedModel({ complete: (_, i) => (i < right ? '1' : '0') })

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

test('columns are the estimate with its trials and its Wilson interval', async () => {
  const { kept } = await runStage(teachable({ student: student(9), ...common }), [problem('p')])
  const { low, high } = wilson({ successes: 9, trials: 20 })
  assert.deepEqual(kept, [
    { ...problem('p'), pass_rate: 0.45, n_rollouts: 20, pass_rate_low: low, pass_rate_high: high },
  ])
})

test('a truncated rollout is a failure and stays in the count', async () => {
  const model = scriptedModel({
    complete: (_, i) => (i < 15 ? { text: '1', finishReason: i < 10 ? 'stop' : 'length' } : '0'),
  })
  const { kept } = await runStage(teachable({ student: model, ...common }), [problem('p')])
  assert.deepEqual([kept[0]?.pass_rate, kept[0]?.n_rollouts], [0.5, 20])
})

test('several traces of one problem buy one estimate', async () => {
  const model = student(9)
  const rows = ['a', 'a', 'b', 'a'].map(problem)
  const { kept } = await runStage(teachable({ student: model, ...common }), rows)
  assert.equal(kept.length, 4)
  assert.equal(model.calls.length, 2)
})

test('draws follow the run seed and the problem, not the order or the concurrency', async () => {
  const rows = Array.from({ length: 12 }, (_, i) => problem(`p${i}`))
  const run = (concurrency: number, seed: number, order = rows) =>
    runStage(teachable({ student: markovModel(), ...common, concurrency }), order, seed)
  const rates = ({ kept }: Awaited<ReturnType<typeof run>>) =>
    kept.map(({ id, pass_rate: rate }) => [id as string, rate as number] as const)
  const straight = rates(await run(1, 7))
  assert.deepEqual(rates(await run(8, 7)), straight)
  assert.deepEqual(rates(await run(1, 7, [...rows].reverse())).reverse(), straight)
  assert.notDeepEqual(rates(await run(1, 8)), straight)
  assert.ok(new Set(straight.map(([, rate]) => rate)).size > 1)
})

test('the interval covers the true rate though wrong answers come later (launch order)', async () => {
  const truth = valueOf('')
  let held = 0
  const runs = 300
  const model = markovModel({ latency: (correct, i) => (correct ? 0 : 1 + rngFor('late', i).below(2)) })
  const stage = teachable({ student: model, ...common, low: 0, high: 1, concurrency: 16 })
  const rows = Array.from({ length: runs }, (_, i) => problem(`p${i}`))
  for (const { pass_rate_low: low, pass_rate_high: high } of (await runStage(stage, rows)).kept)
    if ((low as number) <= truth && truth <= (high as number)) held++
  assert.ok(held / runs >= 0.93, `${held} of ${runs}`)
})
