import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Pipeline } from '../../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../../src/pipeline/plan.ts'
import { runPipeline, type RunOptions } from '../../../src/pipeline/run.ts'
import { records } from '../../../src/pipeline/source.ts'
import { col } from '../../../src/record/columns.ts'
import { deduplicate, type DeduplicateOptions } from '../../../src/stages/deduplicate/deduplicate.ts'
import { readParquet } from '../../../src/store/parquet-reader.ts'
import { digests } from '../../e2e/command.ts'
import { runStage } from '../run-stage.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-deduplicate-'))
after(() => rm(folder, { recursive: true, force: true }))

const sentence = (from: number): string => Array.from({ length: 60 }, (_, i) => `word${from + i}`).join(' ')
const rows = [
  { id: 'a', text: sentence(0), pass_rate: 0.1 },
  { id: 'b', text: sentence(100), pass_rate: 0.2 },
  { id: 'c', text: sentence(0), pass_rate: 0.3 },
  { id: 'd', text: `${sentence(0)} longer`, pass_rate: 0.2 },
  { id: 'e', text: sentence(200), pass_rate: 0 },
  { id: 'f', text: sentence(100).toUpperCase(), pass_rate: 0.2 },
]
const input = join(folder, 'rows.jsonl')
await writeFile(
  input,
  `${rows.map((row) => JSON.stringify(row)).join('\n')}\nno JSON\n{"id":"a","text":"again"}\n`,
)

const sourceColumns = {
  id: col.string('id'),
  text: col.string('text'),
  pass_rate: col.nullable(col.double('rate')),
}
const source = records(input, sourceColumns)
const stage = (options: Partial<DeduplicateOptions<'text'>> = {}) =>
  deduplicate({ source, field: 'text', ...options })

test('rows that stay are marked with their cluster; dropped ones say which and how alike', async () => {
  const { kept, dropped } = await runStage(stage(), rows)
  assert.deepEqual(
    kept.map((row) => [row.id, row.dup_cluster, row.dup_cluster_size]),
    [
      ['b', 'b', 2],
      ['d', 'd', 3],
      ['e', 'e', 1],
    ],
  )
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.id, reason, row.dup_cluster, row.dup_kind, row.dup_jaccard]),
    [
      ['a', 'near duplicate', 'd', 'near', 56 / 57],
      ['c', 'near duplicate', 'd', 'near', 56 / 57],
      ['f', 'normalised duplicate', 'b', 'normalised', 1],
    ],
  )
  const best = await runStage(stage({ keep: 'pass-rate' }), rows)
  assert.deepEqual(
    best.kept.map(({ id }) => id),
    ['b', 'c', 'e'],
  )
})

const shape = {
  config: 'texts',
  needs: { id: col.string('id'), dup_cluster_size: col.int32('size') },
  columns: { id: col.string('id'), dup_cluster_size: col.int32('size') },
  rows: (row: { id: string; dup_cluster_size: number }) => [row],
}

async function runInto(name: string, shardRows: number, options: Partial<RunOptions> = {}): Promise<string> {
  const pipeline = Pipeline.from(source).through(stage()).into(shape)
  const plan = await planPipeline(pipeline, { name: 'texts', seed: 0, shardRows })
  const out = join(folder, name)
  await runPipeline(pipeline, plan, { out, ...options })
  return out
}

async function rowsOf(out: string, shards: number): Promise<unknown[]> {
  const found: unknown[] = []
  for (let shard = 0; shard < shards; shard++) {
    const file = `train-0000${shard}-of-0000${shards}.parquet`
    for await (const row of readParquet(join(out, 'data/texts', file))) found.push(row)
  }
  return found
}

test('what is dropped depends neither on the size of the shards, nor on who does them, nor on what was there', async () => {
  const wanted = [
    { id: 'b', dup_cluster_size: 2 },
    { id: 'd', dup_cluster_size: 3 },
    { id: 'e', dup_cluster_size: 1 },
  ]
  assert.deepEqual(await rowsOf(await runInto('one', 100), 1), wanted)
  const split = await runInto('split', 2)
  assert.deepEqual(await rowsOf(split, 4), wanted)
  // Last shards first, then the others, in runs of their own.
  await runInto('shared', 2, { share: { index: 1, count: 2 } })
  await runInto('shared', 2, { share: { index: 0, count: 2 } })
  assert.deepEqual(await digests(join(folder, 'shared')), await digests(split))
  await rm(join(split, 'commits', '00001-of-00004.json'))
  await runInto('split', 2)
  assert.deepEqual(await digests(split), await digests(join(folder, 'shared')))
})

test('a stage that reads another source than its pipeline stops at the first row it does not know', async () => {
  for (const row of [
    { id: 'x', text: sentence(0) },
    { id: 'a', text: 'another' },
  ]) {
    await assert.rejects(runStage(stage(), [row]), {
      code: 'plan',
      message: /the row [xa] is not in the stage's/,
    })
  }
})

test('a source without the column is refused when the stage is made', () => {
  assert.throws(() => deduplicate({ source, field: 'problem' }), { code: 'plan', message: /column problem/ })
  const others = { id: sourceColumns.id, text: sourceColumns.text }
  assert.throws(
    () => deduplicate({ source: records(input, others), field: 'text', keep: 'pass-rate' }),
    /column pass_rate/,
  )
})
