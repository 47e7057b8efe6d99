import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openAccount } from '../../src/model/account/account.ts'
import type { Price } from '../../src/model/account/prices.ts'
import { httpModel } from '../../src/model/http.ts'
import type { Model } from '../../src/model/model.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { pricePlan } from '../../src/pipeline/price.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import { generateTraces } from '../../src/stages/generate-traces.ts'
import { startBatchServer } from '../fixtures/batch-server.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-batches-'))
const file = join(folder, 'problems.jsonl')
const lines = Array.from({ length: 10 }, (_, i) => JSON.stringify({ problem: `${i} + 1?`, answer: i + 1 }))
await writeFile(file, lines.join('\n'))
const server = await startBatchServer({ model: 'big', answer: (_, seed) => String(seed) })
const teacher = await httpModel({ baseUrl: server.url, model: 'big' })
after(async () => {
  await teacher.close()
  await server.close()
  await rm(folder, { recursive: true })
})

const planned = async (of: Model) => {
  const sampler = { samples: 2, temperature: 1, topP: 1, topK: 0, maxTokens: 50 }
  const pipeline = Pipeline.from(problems(file)).through(generateTraces({ teacher: of, ...sampler }))
  const options = { name: 'batches', seed: 0, shardRows: 3, until: 'generateTraces' }
  return { pipeline, plan: await planPipeline(pipeline, options) }
}

test('a plan in batches costs half, or what the table says of batches, and says which of the two it is', async () => {
  const { pipeline, plan } = await planned(teacher)
  const price: Price = { model: 'big', input: 10, output: 100, source: 'made up', date: '2026-01-01' }
  const costOf = async (prices: readonly Price[], batch: boolean) => {
    const [stage] = await pricePlan(pipeline, plan, prices, { batch })
    return { high: stage?.costUsd?.high ?? Number.NaN, batch: stage?.batch }
  }
  const live = await costOf([price], false)
  assert.deepEqual(await costOf([price], true), { high: live.high / 2, batch: 'assumed' })
  const listed = { ...price, batch: { input: 1, output: 10 } }
  const cheap = await costOf([listed], true)
  assert.ok(Math.abs(cheap.high - live.high / 10) < 1e-12)
  assert.deepEqual([live.batch, cheap.batch], [null, 'listed'])
  assert.deepEqual(await costOf([listed], false), live)
})

test('one batch serves the rows of all shards, and the shards are those of a live run', async () => {
  const { pipeline, plan } = await planned(teacher)
  const quick = { quietMs: 300, firstLookMs: 1, longestLookMs: 1 }
  const rowsOf = async (out: string, batches?: typeof quick) => {
    const ledger = join(out, 'ledger')
    const account = await openAccount({ ledger, ...(batches && { batches }) })
    const { manifest } = await runPipeline(pipeline, plan, { out, account })
    return manifest?.configs['until-generateTraces']?.shards.map(({ sha256 }) => sha256)
  }
  const inBatches = await rowsOf(join(folder, 'batched'), quick)
  assert.deepEqual([server.batches.length, server.submitted.length], [1, 10])
  const probes = server.live.length
  assert.deepEqual(inBatches, await rowsOf(join(folder, 'live')))
  assert.equal(server.live.length - probes, 10)
  assert.equal(server.batches.length, 1)
})

test('a run in batches without a model that has them is refused before anything is written', async () => {
  const { pipeline, plan } = await planned(scriptedModel({ complete: [] }))
  const out = join(folder, 'refused')
  const account = await openAccount({ ledger: join(out, 'ledger'), batches: {} })
  await assert.rejects(
    runPipeline(pipeline, plan, { out, account }),
    /--batch: no model of this pipeline is behind HTTP/,
  )
})
