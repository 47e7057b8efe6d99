import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'
import { grpo } from '../../src/record/grpo.ts'
import { decontaminate } from '../../src/stages/decontaminate/decontaminate.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-carry-'))
after(() => rm(folder, { recursive: true }))
const input = join(folder, 'problems.jsonl')
const shared = 'Tom has three red apples and buys two more at the market'
writeFileSync(input, [`${shared} today. How many red apples does Tom have after that?`, 'What is 3 + 4?'].map((problem, i) => JSON.stringify({ id: `q${i}`, problem, answer: i })).join('\n')) // prettier-ignore
const benchmark = join(folder, 'bench.jsonl')
const item = `${shared} place, which then closes early because of heavy rain and strong wind, so that nobody else can buy fruit`
writeFileSync(benchmark, JSON.stringify({ id: 'b7', question: item }))

test('decontamination columns go into every config behind the stage, and into none before it', async () => {
  const pipeline = Pipeline.from(problems(input))
    .into({ ...grpo(), config: 'before' })
    .through(decontaminate({ against: [benchmark], info: 0.1, contaminated: 0.9, allow: [item] }))
    .into(grpo())
  const plan = await planPipeline(pipeline, { name: 'carry', seed: 0, shardRows: 10 })
  const { manifest } = await runPipeline(pipeline, plan, { out: join(folder, 'out') })
  assert.ok(!('decon_status' in (manifest?.configs.before?.columns ?? {})))
  assert.equal(manifest?.configs.grpo?.columns.decon_span_end?.type, 'int32')
  const rows: Record<string, unknown>[] = []
  for await (const row of readParquet(join(folder, 'out/data/grpo/train-00000-of-00001.parquet')))
    rows.push(row)
  assert.deepEqual(
    rows.map((row) => [row.question_id, row.decon_status, row.decon_item_id, row.decon_span_end]),
    [
      ['q0', 'partial', 'b7', shared.length],
      ['q1', 'clean', null, null],
    ],
  )
})

test('a column that a config would use but that is of another type there stops the plan', () => {
  const stage = map({ name: 'rate', needs: {}, adds: { pass_rate: col.string('rate') }, each: () => ({ pass_rate: '1/2' }) }) // prettier-ignore
  assert.throws(() => Pipeline.from(problems(input)).through(stage).into(grpo()), {
    code: 'plan',
    message: /grpo cannot run: pass_rate is string, not double or null/,
  })
})
