import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { type Columns, misfit } from '../../src/record/columns.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { dpoBranchText } from '../../src/record/dpo-branch-text.ts'
import { prm } from '../../src/record/prm.ts'
import { rollouts } from '../../src/record/rollouts.ts'
import { searchTraces } from '../../src/record/search-trace.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { lastDigit, markovModel, tokenizer } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }
const common = { gap: 0.15, rollouts: 64, verifier: lastDigit, ...sampler } as const

const trace = (completion: string) => ({
  id: `p-${completion}`,
  problem: 'xy',
  answer: '1',
  trace_id: `p-${completion}-0`,
  completion,
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  teacher_model: 'teacher',
  pass_rate: 0.4,
})

let found: Awaited<ReturnType<typeof pivotsOf>>
before(async () => {
  const stage = findPivotalTokens({ student: markovModel(), ...common })
  found = await pivotsOf(stage, ['xxAxxAx1', 'xxBxxBx1'].map(trace))
})

const shaped = <S extends { rows: (row: never) => Iterable<unknown>; columns: Columns }>(
  shape: S,
  rows: readonly Record<string, unknown>[],
): ReturnType<S['rows']> extends Iterable<infer Out> ? Out[] : never => {
  const all = rows.flatMap((row) => [...shape.rows(row as never)]) as Record<string, unknown>[]
  for (const row of all)
    for (const [name, column] of Object.entries(shape.columns))
      assert.equal(misfit(row[name], column), null, name)
  return all as never
}

test('every searched trace has its row in search_trace, with what was closed and what was found', () => {
  const rows = shaped(searchTraces, found.searched)
  assert.equal(rows.length, 2)
  const [first] = rows
  assert.deepEqual(first?.trace_ids, [...tokenizer.encode('xxAxxAx1'), tokenizer.eos.id])
  assert.deepEqual(first.pivots, [2, 5])
  assert.deepEqual(first.pruned, [true, true, false, true, true, false, true, true, true])
})

test('a trace the policy is sure of costs no rollout, has its row all the same, and is dropped with its reason after it', async () => {
  const student = scriptedModel({
    tokenizer,
    complete: (_, i) => (i % 2 === 0 ? '1' : '0'),
    score: (ids, from) => ids.slice(from).map(() => -0.1),
  })
  const { searched, dropped } = await pivotsOf(findPivotalTokens({ student, ...common }), [trace('xxx')])
  const [row] = shaped(searchTraces, searched)
  assert.deepEqual(row?.pivots, [])
  assert.ok(row.pruned.every((closed) => closed))
  assert.deepEqual(shaped(rollouts, searched), [])
  assert.deepEqual(shaped(prm, searched)[0]?.values, [0])
  assert.deepEqual(
    dropped.map(({ stage, reason }) => [stage, reason]),
    [['eachPivotalToken', 'no pivotal token']],
  )
  assert.ok(!('rollouts' in (dropped[0]?.row ?? {})), 'a removed row does not carry its rollouts')
})

test('the ledger of rollouts has every one, by exact ids, and adds up to what was spent', () => {
  const rows = shaped(rollouts, found.searched)
  assert.equal(rows.length, found.counters.student_rollouts)
  assert.equal(new Set(rows.map(({ rollout_id: id }) => id)).size, rows.length)
  for (const [i, { spent, trace_id: id }] of shaped(searchTraces, found.searched).entries()) {
    const own = rows.filter(({ trace_id: of }) => of === id)
    assert.equal(
      own.length,
      spent.search_rollouts + spent.confirm_rollouts + spent.pair_rollouts,
      `trace ${i}`,
    )
    assert.equal(
      own.reduce((sum, { completion_tokens: tokens }) => sum + tokens, 0),
      spent.tokens,
    )
  }
  for (const { token_ids: ids, verdict, answer, finish_reason: reason } of rows) {
    const text = tokenizer.decode(ids)
    assert.equal(reason, 'stop')
    assert.equal(answer, text.replace('<end>', '').slice(-1) || answer)
    assert.equal(verdict, answer === '1' ? 'equal' : 'different')
  }
})

test('nodes count rollouts by the trace they follow, wherever these were launched', () => {
  for (const row of shaped(searchTraces, found.searched)) {
    const launched = row.nodes.reduce((sum, node) => sum + node.launched + node.forced_launched, 0)
    assert.equal(launched, row.spent.search_rollouts + row.spent.confirm_rollouts)
    for (const { successes, trials, low, high, launched: here } of row.nodes) {
      assert.ok(successes <= trials && here <= trials)
      assert.ok(low <= successes / trials && successes / trials <= high)
    }
  }
})

test('dpo_branch_text carries each side on to the end token, verified on its side', () => {
  const rows = shaped(dpoBranchText, found.kept)
  assert.ok(rows.length >= 2, `${rows.length} pairs`)
  for (const row of rows) {
    for (const [ids, text, digit] of [
      [row.chosen_ids, row.chosen, '1'],
      [row.rejected_ids, row.rejected, '0'],
    ] as const) {
      assert.equal(tokenizer.decode(ids), text)
      assert.equal(ids.at(-1), tokenizer.eos.id)
      assert.match(text, new RegExp(`${digit}<end>$`))
    }
    assert.notEqual(row.chosen_ids[0], row.rejected_ids[0])
    assert.equal(tokenizer.decode(row.prompt_ids), row.prompt)
  }
})

test('prm: the steps are the trace, each with the share of rollouts from its end, and the last with the verdict', () => {
  const rows = shaped(prm, found.searched)
  assert.deepEqual(
    rows.map(({ completions }) => completions.join('')),
    ['xxAxxAx1<end>', 'xxBxxBx1<end>'],
  )
  for (const { completions, labels, values, trials } of rows) {
    assert.ok([labels, values, trials].every(({ length }) => length === completions.length))
    values.forEach((value, i) => assert.equal(labels[i], value > 0))
  }
  assert.equal(rows[0]?.values.at(-1), 1)
})
