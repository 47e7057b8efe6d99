import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FulcrumError } from '../../src/errors.ts'
import { map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import { col, type Columns } from '../../src/record/columns.ts'
import { dpoBranchText } from '../../src/record/dpo-branch-text.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { pivotalTokens } from '../../src/record/pivotal-tokens.ts'
import { prm } from '../../src/record/prm.ts'
import { rollouts } from '../../src/record/rollouts.ts'
import { searchTraces } from '../../src/record/search-trace.ts'
import { eachPivotalToken } from '../../src/stages/pivotal/each-pivotal-token.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { digests } from '../e2e/command.ts'
import { lastDigit, markovModel, tokenizer } from './markov.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-pivotal-'))
const input = join(folder, 'problems.jsonl')
const texts = ['xxAxxAx1', 'xxBxxBx1', 'xxAxxBx1', 'xxBxxAx1']
writeFileSync(
  input,
  texts.map((_, i) => `{"id":"q${i}","problem":"xy${'x'.repeat(i)}","answer":"1"}\n`).join(''),
)
after(() => rm(folder, { recursive: true }))

const traceColumns = {
  trace_id: col.string('trace id'),
  completion: col.string('trace'),
  completion_ids: col.nullable(col.list(col.int32('token id'), 'ids')),
  teacher_model: col.string('model'),
  pass_rate: col.double('pass rate'),
}

function pipelineOf(student: ReturnType<typeof markovModel>, maxRollouts?: number): Pipeline<Columns> {
  const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }
  return Pipeline.from(problems(input))
    .through(
      map({
        name: 'traces',
        needs: { id: col.string('id') },
        adds: traceColumns,
        each: ({ id }) => {
          const completion = texts[Number(id.slice(1))] as string
          return {
            ...{ trace_id: `${id}-0`, completion, teacher_model: 'teacher', pass_rate: 0.4 },
            completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
          }
        },
      }),
    )
    .through(findPivotalTokens({ student, gap: 0.2, verifier: lastDigit, ...sampler, maxRollouts }))
    .into(searchTraces)
    .into(rollouts)
    .into(prm)
    .through(eachPivotalToken())
    .into(pivotalTokens)
    .into(dpoPivotal)
    .into(dpoBranchText)
}

async function run(out: string, student = markovModel(), maxRollouts?: number) {
  const pipeline = pipelineOf(student, maxRollouts)
  const plan = await planPipeline(pipeline, { name: 'pivots', seed: 0, shardRows: 2 })
  return (await runPipeline(pipeline, plan, { out: join(folder, out) })).manifest
}

const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('sidecars have a line a row under the names of the public PTS tools, and equal runs write equal bytes', async () => {
  const manifest = await run('one')
  const [tokens, pairs] = ['pivotal_tokens', 'dpo_pairs'].map((name) =>
    lines(join(folder, `one/sidecars/${name}.jsonl`)),
  )
  assert.equal(tokens?.length, manifest?.configs.pivotal_tokens?.rows)
  assert.equal(pairs?.length, manifest?.configs.dpo_pivotal?.rows)
  assert.ok((pairs?.length ?? 0) > 4)
  for (const name of [
    ...['model_id', 'query', 'pivot_context', 'pivot_token', 'pivot_token_id', 'prob_before', 'prob_after'],
    ...['prob_delta', 'is_positive', 'task_type', 'dataset_item_id', 'rejected_token', 'rejected_token_id'],
  ])
    assert.ok(name in (tokens?.[0] ?? {}), name)
  const [pair] = pairs ?? []
  assert.deepEqual([pair?.chosen, pair?.rejected], ['A', 'B'])
  assert.deepEqual(Object.keys(pair?.metadata as object), ['original_query', 'prob_delta', 'task_type'])
  await run('two', markovModel({ latency: (correct, i) => (correct ? 0 : i % 3) }))
  assert.deepEqual(await digests(join(folder, 'two')), await digests(join(folder, 'one')))
})

test('what was searched and bought is read back from the shards as it was', async () => {
  const manifest = await run('one')
  let [searched, bought] = [0, 0]
  for (const { file } of manifest?.configs.search_trace?.shards ?? []) {
    for await (const row of readParquet(join(folder, 'one', file))) {
      const spent = row.spent as Record<string, number>
      searched++
      bought += (spent.search_rollouts ?? 0) + (spent.confirm_rollouts ?? 0) + (spent.pair_rollouts ?? 0)
      assert.ok((row.nodes as unknown[]).length > 2)
    }
  }
  assert.equal(searched, texts.length)
  assert.equal(bought, manifest?.configs.rollouts?.rows)
  assert.equal(bought, manifest?.counters.student_rollouts)
})

test('a cap on the run is kept over all its shards, and the rest is dropped with its reason', async () => {
  const manifest = await run('capped', markovModel(), 420)
  assert.ok((manifest?.counters.student_rollouts ?? 0) <= 420)
  assert.ok((manifest?.counters.student_rollouts ?? 0) > 200)
  const reasons = manifest?.removed.by_reason.map(({ reason }) => reason) ?? []
  assert.ok(reasons.includes('no rollouts left in this run') || manifest?.counters.searches_stopped_by_a_cap)
})

test('a changed chat template is refused before anything is sampled: what is there is of another process', async () => {
  await run('one')
  const student = markovModel()
  const changed = { ...student, tokenizer: { ...tokenizer, chatTemplateSha256: 'a'.repeat(64) } }
  await assert.rejects(run('one', changed), (error: unknown) => {
    assert.ok(error instanceof FulcrumError)
    assert.match(error.message + error.hint, /chatTemplate|other options|another/)
    return true
  })
  assert.equal(student.calls.length, 0)
})
