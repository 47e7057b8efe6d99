import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import type { Columns } from '../../src/record/columns.ts'
import { sftText } from '../../src/record/sft-text.ts'
import { decontaminate } from '../../src/stages/decontaminate/decontaminate.ts'
import { generateTraces } from '../../src/stages/generate-traces.ts'
import { verifyTraces } from '../../src/stages/verify-traces.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-order-'))
after(() => rm(folder, { recursive: true }))

const words = (prefix: string): string => Array.from({ length: 20 }, (_, i) => `${prefix}${i}`).join(' ')
const [input, benchmark] = [join(folder, 'problems.jsonl'), join(folder, 'benchmark.jsonl')]
const lines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join('\n')
writeFileSync(
  benchmark,
  lines([
    { id: 'b1', problem: words('leak') },
    { id: 'b2', problem: words('quote') },
  ]),
)
writeFileSync(
  input,
  lines([
    { id: 'asks', problem: words('leak'), answer: '2' },
    { id: 'quotes', problem: 'What is quoted?', answer: '2' },
    { id: 'clean', problem: 'What is 1 + 1?', answer: '2' },
  ]),
)

const teacher = scriptedModel({
  complete: (prompt) => `${JSON.stringify(prompt).includes('quoted') ? words('quote') : 'So'} #### 2`,
})
const traces = { teacher, samples: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 99 }
const noticesOf = async (pipeline: Pipeline<Columns>): Promise<readonly string[]> =>
  (await planPipeline(pipeline, { name: 'order', seed: 1, shardRows: 8 })).notices

test('problems are decontaminated before a model is asked, traces after; columns do not clash', async () => {
  const pipeline = Pipeline.from(problems(input))
    .through(decontaminate({ against: [benchmark], as: 'problem' }))
    .through(generateTraces(traces))
    .through(verifyTraces({ verifier: numericAnswer }))
    .through(decontaminate({ against: [benchmark], fields: ['completion'] }))
    .into(sftText)
  assert.equal(pipeline.columns.problem_decon_status.nullable, false)
  assert.deepEqual(await noticesOf(pipeline), [])
  const plan = await planPipeline(pipeline, { name: 'order', seed: 1, shardRows: 8 })
  const { manifest } = await runPipeline(pipeline, plan, { out: join(folder, 'run') })
  assert.deepEqual(
    manifest?.removed.by_reason.map(({ stage, reason }) => [stage, reason.replace(/ \(.*\)/, '')]),
    [
      ['decontaminate-problem', 'contaminated: benchmark item b1'],
      ['decontaminate', 'contaminated: benchmark item b2'],
    ],
  )
  assert.equal(manifest.configs.sft_text?.rows, 1)
  assert.equal(teacher.calls.length, 2)
})

test('a plan says when a model is asked about unchecked problems, and when traces are not checked', async () => {
  const bare = Pipeline.from(problems(input)).through(generateTraces(traces))
  const [first, second, ...others] = await noticesOf(bare)
  assert.match(first ?? '', /^generateTraces asks a model about problems that no stage before it/)
  assert.match(second ?? '', /^generateTraces writes traces that no stage after it decontaminates/)
  assert.deepEqual(others, [])
  const late = await noticesOf(bare.through(decontaminate({ against: [benchmark] })))
  assert.equal(late.length, 1)
  assert.match(late[0] ?? '', /^generateTraces asks/)
  assert.deepEqual(
    await noticesOf(Pipeline.from(problems(input)).through(decontaminate({ against: [benchmark] }))),
    [],
  )
})
