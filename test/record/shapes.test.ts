import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Columns, misfit } from '../../src/record/columns.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { pivotalTokens } from '../../src/record/pivotal-tokens.ts'
import { sftText } from '../../src/record/sft-text.ts'
import { generateTraces } from '../../src/stages/generate-traces.ts'
import { eachPivotalToken } from '../../src/stages/pivotal/each-pivotal-token.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { verifyTraces } from '../../src/stages/verify-traces.ts'
import { lastDigit, markovModel, nextTokens, tokenizer } from '../stages/markov.ts'
import { runStage } from '../stages/run-stage.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }

function checked(row: Readonly<Record<string, unknown>>, columns: Columns): void {
  for (const [name, column] of Object.entries(columns)) assert.equal(misfit(row[name], column), null, name)
}

/** Rows as they leave each stage of a real pipeline over the planted policy. */
async function rows() {
  const model = markovModel()
  const generated = await runStage(generateTraces({ teacher: model, samples: 40, ...sampler }), [
    { id: 'p', problem: 'xy', answer: '1' },
  ])
  const verified = await runStage(verifyTraces({ verifier: lastDigit }), generated.kept)
  const ready = verified.kept.map((row) => ({ ...row, decon_status: 'clean', pass_rate: 0.4 }))
  const search = findPivotalTokens({
    student: model,
    gap: 0.2,
    rollouts: 64,
    verifier: lastDigit,
    ...sampler,
  })
  const searched = (await runStage(search, ready)).kept
  return { traces: ready, searched, pivots: (await runStage(eachPivotalToken(), searched)).kept }
}

type In<S extends { rows: (row: never) => unknown }> = Parameters<S['rows']>[0]

test('sft_text: exact ids, and text that ends in the literal end token', async () => {
  const { traces } = await rows()
  assert.ok(traces.length > 1)
  for (const trace of traces) {
    const [row] = [...sftText.rows(trace as unknown as In<typeof sftText>)]
    assert.ok(row !== undefined)
    checked(row, sftText.columns)
    assert.ok(row.completion.endsWith('<end>') && !row.completion.endsWith('<end><end>'))
    assert.equal(tokenizer.decode(row.completion_ids ?? []), row.completion)
    assert.equal(tokenizer.decode(row.prompt_ids ?? []), row.prompt)
  }
  const hosted = { ...traces[0], prompt_ids: null, completion_ids: null, end_token: null, completion: 'xx1' }
  const [row] = [...sftText.rows(hosted as unknown as In<typeof sftText>)]
  assert.equal(row?.completion, 'xx1')
})

test('a beginning-of-sequence token that tokenizers add by themselves stands in prompt_with_bos only', async () => {
  const { traces, pivots } = await rows()
  const trace = { ...traces[0], prompt: '<s>xy|', added_bos: '<s>' } as unknown as In<typeof sftText>
  const pivot = pivots.find(({ chosen_id: id }) => id !== null) ?? {}
  const paired = { ...pivot, pivot_context: '<s>xy|x', policy_added_bos: '<s>' } as unknown as In<
    typeof dpoPivotal
  >
  const both = [...sftText.rows(trace), ...dpoPivotal.rows(paired)]
  assert.deepEqual(
    both.map(({ prompt, prompt_with_bos }) => [prompt, prompt_with_bos]),
    [
      ['xy|', '<s>xy|'],
      ['xy|x', '<s>xy|x'],
    ],
  )
})

test('pivotal_tokens: one row a pivot, ids and texts agree', async () => {
  const { pivots } = await rows()
  assert.ok(pivots.length > 2)
  for (const pivot of pivots) {
    const [row] = [...pivotalTokens.rows(pivot as unknown as In<typeof pivotalTokens>)]
    assert.ok(row !== undefined)
    checked(row, pivotalTokens.columns)
    assert.equal(tokenizer.decode(row.prefix_ids), row.pivot_context)
    assert.equal(row.trace_ids[row.position], row.pivot_token_id)
    assert.equal(row.trace_tokens.join(''), tokenizer.decode(row.trace_ids))
    assert.equal(row.is_positive, row.prob_delta > 0)
    assert.equal(row.on_policy, true)
    assert.ok([row.chosen_token_id, row.rejected_token_id, null].includes(row.chosen_token_id))
  }
})

test('dpo_pivotal: certified pairs only, one token a side, decodable to the text columns', async () => {
  const { pivots } = await rows()
  const pairs = pivots.flatMap((pivot) => [...dpoPivotal.rows(pivot as unknown as In<typeof dpoPivotal>)])
  assert.ok(pairs.length > 2 && pairs.length <= pivots.length)
  for (const pair of pairs) {
    checked(pair, dpoPivotal.columns)
    assert.deepEqual([pair.chosen_ids.length, pair.rejected_ids.length], [1, 1])
    assert.notDeepEqual(pair.chosen_ids, pair.rejected_ids)
    assert.equal(tokenizer.decode(pair.prompt_ids), pair.prompt)
    assert.equal(tokenizer.decode(pair.chosen_ids), pair.chosen)
    assert.equal(tokenizer.decode(pair.rejected_ids), pair.rejected)
    assert.ok(pair.prob_chosen_low > pair.prob_rejected_high)
    assert.ok(pair.prob_delta >= 0.2 && pair.metadata.prob_delta === pair.prob_delta)
    assert.ok(pair.delta_low < pair.prob_delta && pair.prob_delta <= pair.delta_high)
    assert.ok(pair.e_value > 5, `disjoint intervals, and an e-value of ${pair.e_value}`)
    const step = new Map(nextTokens(pair.metadata.original_query === 'xy' ? pair.prompt.slice(3) : ''))
    assert.equal(pair.logprob_chosen, Math.log(step.get(pair.chosen) as number))
    assert.equal(pair.logprob_rejected, Math.log(step.get(pair.rejected) as number))
  }
})
