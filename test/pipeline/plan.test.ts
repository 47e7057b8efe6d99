import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Model } from '../../src/model/model.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { type Plan, planPipeline } from '../../src/pipeline/plan.ts'
import { pricePlan, type StagePrice } from '../../src/pipeline/price.ts'
import { problems } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-plan-'))
const file = join(folder, 'problems.jsonl')
await writeFile(
  file,
  Array.from({ length: 10 }, (_, i) => `{"problem":"${i} + 1?","answer":${i + 1}}\n`).join(''),
)
after(() => rm(folder, { recursive: true }))

const paid = (atOnce: number): Model => ({
  ...scriptedModel({ complete: [] }),
  paid: { who: 'http://here/v1#m', atOnce, batches: false, join: () => undefined },
})

/** Ten rows through a stage that wants 60 completions of each in 7 requests, and through one that wants one. */
async function planned(mostCalls?: number, atOnce = 128): Promise<{ plan: Plan; price: StagePrice }> {
  const needs = { problem: col.string('problem') }
  const cap = mostCalls === undefined ? {} : { mostCalls }
  const pipeline = Pipeline.from(problems(file))
    .through(
      map({
        ...{ name: 'search', needs, adds: { found: col.int32('found') }, callsPerRow: 60, ...cap },
        ...{ models: [paid(atOnce)], asks: { requestsPerRow: 7, maxTokens: 100, longestPrefix: 50 } },
        each: () => ({ found: 0 }),
      }),
    )
    .through(
      map({ name: 'check', needs, adds: { ok: col.int32('ok') }, callsPerRow: 1, each: () => ({ ok: 1 }) }),
    )
  const plan = await planPipeline(pipeline, { name: 'p', seed: 0, shardRows: 4, until: 'check' })
  const prices = [{ model: 'm', input: 1, output: 10, source: 'made up', date: '2026-01-01' }]
  const [price] = await pricePlan(pipeline, plan, prices)
  assert.ok(price !== undefined)
  return { plan, price }
}

test('a cap on all rows of a stage bounds what a plan expects; one that is never reached changes nothing', async () => {
  const [free, wide, capped] = [await planned(), await planned(600), await planned(90)]
  assert.deepEqual(free.plan.calls, [
    { stage: 'search', completions: 600, capped: false },
    { stage: 'check', completions: 10, capped: false },
  ])
  assert.deepEqual(wide.plan.calls, free.plan.calls)
  assert.deepEqual(wide.price, free.price)
  assert.deepEqual(capped.plan.calls[0], { stage: 'search', completions: 90, capped: true })
  assert.deepEqual([free.plan.expectedCalls, capped.plan.expectedCalls], [610, 100])
})

test('requests, tokens and dollars shrink with the cap, at as many completions a request as without it', async () => {
  const [free, capped] = [await planned(), await planned(90)]
  assert.deepEqual([free.price.requests, capped.price.requests], [70, 11])
  assert.deepEqual(free.price.completionTokens, { low: 6000, high: 60_000 })
  assert.deepEqual(capped.price.completionTokens, { low: 900, high: 9000 })
  const share = 11 / 70
  assert.equal(capped.price.promptTokens.high, free.price.promptTokens.high * share)
  assert.ok((capped.price.costUsd?.high ?? 1) < 0.16 * (free.price.costUsd?.high ?? 0))
  const one = await planned(90, 1)
  assert.equal(one.price.requests, 90, 'an endpoint that gives one completion a request is asked for each')
  assert.equal((await planned(5)).price.requests, 1)
})
