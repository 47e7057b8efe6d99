import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Model } from '../../src/model/model.ts'
import type { Terminal } from '../../src/cli/command.ts'
import refilterCommand from '../../src/cli/refilter.ts'
import { scriptedModel } from '../../src/model/scripted.ts'
import { filter, map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../src/pipeline/plan.ts'
import { runPipeline } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'
import { passRates } from '../../src/record/pass-rates.ts'
import { decontaminate } from '../../src/stages/decontaminate/decontaminate.ts'
import { teachable } from '../../src/stages/teachable.ts'
import { refilter, type RefilterOptions } from '../../src/stages/teachable/refilter.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { verifyManifest } from '../../src/store/verify.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { lastDigit } from './markov.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-refilter-'))
after(() => rm(folder, { recursive: true }))
const input = join(folder, 'problems.jsonl')
const benchmark = join(folder, 'benchmark.jsonl')
const leaked = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen'

/** Problem i is solved with probability i / 40. */
const passes = (seed: number, i: number, problem: number): boolean => rngFor(seed, i).next() < problem / 40

before(async () => {
  const rows = Array.from({ length: 41 }, (_, i) => ({ id: `p${i}`, problem: `x${i}`, answer: '1' }))
  writeFileSync(
    input,
    [...rows, { id: 'leak', problem: leaked, answer: '1' }].map((row) => JSON.stringify(row)).join('\n'),
  )
  writeFileSync(benchmark, JSON.stringify({ id: 'b1', problem: leaked, answer: '1' }))
  await build('wide', 0.2, 0.8)
})

/** A run that measures pass rates between two bands of decontamination and drops some rows behind. */
async function build(out: string, low: number, high: number): Promise<void> {
  const sample: Model['sample'] = (prompt, { seed, n }) => {
    const problem = prompt.kind === 'chat' ? Number(prompt.messages[0]?.content.slice(1)) : 0
    return Promise.resolve(
      Array.from({ length: n }, (_, i) => ({
        ...{
          text: passes(seed, i, problem) ? '1' : '0',
          tokenIds: [i, 7],
          logprobs: null,
          modelLogprobs: null,
        },
        ...{ finishReason: 'stop' as const, promptTokens: 1, completionTokens: 2 },
      })),
    )
  }
  const pipeline = Pipeline.from(problems(input))
    .through(decontaminate({ against: [benchmark], as: 'problem' }))
    .through(
      teachable({
        ...{
          student: { ...scriptedModel({ complete: [] }), sample },
          verifier: lastDigit,
          low,
          high,
          rollouts: 32,
        },
        ...{ temperature: 1, topP: 1, topK: 0, maxTokens: 9 },
      }),
    )
    .into(passRates)
    .through(
      filter({
        name: 'later',
        needs: { id: col.string('id') },
        reject: ({ id }) => (id === 'p20' ? 'not wanted' : null),
      }),
    )
    .through(map({ name: 'tag', needs: {}, adds: { tag: col.string('tag') }, each: () => ({ tag: 't' }) }))
    .into({
      config: 'tagged',
      needs: { ...passRates.needs, tag: col.string('tag') },
      columns: { ...passRates.columns, tag: col.string('tag') },
      rows: ({ id, ...row }) => [{ question_id: id, ...row }],
    })
  const plan = await planPipeline(pipeline, { name: 'measured', seed: 3, shardRows: 10 })
  assert.deepEqual(plan.notices, [])
  await runPipeline(pipeline, plan, { out: join(folder, out) })
}

const cut = (out: string, more: Partial<RefilterOptions> = {}) =>
  refilter({
    ...{ manifest: join(folder, 'wide/manifest.json'), low: 0.2, high: 0.8, by: 'rate' },
    ...more,
    out: join(folder, out),
  })

async function rowsOf(run: string, config = 'pass_rates'): Promise<Record<string, unknown>[]> {
  const { configs } = await readManifest(join(folder, run, 'manifest.json'))
  const rows: Record<string, unknown>[] = []
  for (const { file } of configs[config]?.shards ?? [])
    for await (const row of readParquet(join(folder, run, file))) rows.push(row)
  return rows.sort((a, b) => String(a.question_id).localeCompare(String(b.question_id)))
}

test('the same band gives the same rows back, rollouts and all, in a dataset that verifies', async () => {
  const result = await cut('same')
  assert.deepEqual(await rowsOf('same'), await rowsOf('wide'))
  assert.deepEqual([result.estimated, result.restored, result.incomplete], [41, 0, 0])
  const { shards } = await verifyManifest(result.manifestPath)
  assert.ok(shards.every(({ problem }) => problem === null))
  const ids = (await rowsOf('same'))[0]?.gate_rollout_ids as number[][]
  assert.deepEqual(ids[1], [1, 7])
})

test('a wider band brings dropped rows back without a model, and a narrower one drops by the pass rate', async () => {
  const wide = await cut('wider', { low: 0.05, high: 0.95 })
  assert.ok(wide.restored > 5)
  const rows = await rowsOf('wider')
  assert.equal(rows.length, wide.kept)
  assert.ok(rows.every(({ pass_rate: rate }) => (rate as number) >= 0.05 && (rate as number) <= 0.95))
  const whole = await cut('whole', { low: 0, high: 1 })
  assert.equal(whole.kept, 41)
  const again = await refilter({
    manifest: whole.manifestPath,
    low: 0.4,
    high: 0.6,
    by: 'rate',
    out: join(folder, 'again'),
  })
  const narrow = await cut('narrow', { low: 0.4, high: 0.6 })
  assert.deepEqual(await rowsOf('again'), await rowsOf('narrow'))
  assert.ok(again.kept > 0 && again.kept < wide.kept)
  const { removed, pipeline } = await readManifest(narrow.manifestPath)
  const reasons = removed.by_reason.map(({ stage, reason }) => `${stage}: ${reason}`)
  assert.ok(reasons.includes('refilter: too hard: pass rate under 0.4'))
  assert.ok(
    reasons.some((reason) =>
      reason.startsWith('source: dropped before: decontaminate-problem: contaminated'),
    ),
  )
  assert.deepEqual(pipeline.stages[0]?.options.models, ['scripted'])
})

test('by interval: sure rows are fewer, possible ones more, and rows at an edge are counted', async () => {
  const [rate, sure, possible] = [
    await cut('rate', { low: 0.3, high: 0.7 }),
    await cut('sure', { low: 0.3, high: 0.7, by: 'sure' }),
    await cut('possible', { low: 0.3, high: 0.7, by: 'possible' }),
  ]
  assert.ok(sure.kept < rate.kept && rate.kept < possible.kept)
  assert.equal(possible.kept - sure.kept, rate.undecided)
})

test('a budget keeps the most uncertain of the whole dataset, whatever shard they are in', async () => {
  const budget = { rows: 6, gain: 'uncertainty', quota: null } as const
  const { kept } = await cut('budget', { low: 0, high: 1, budget })
  assert.equal(kept, 6)
  const rates = (await rowsOf('budget')).map(({ pass_rate: rate }) => Math.abs((rate as number) - 0.5))
  assert.ok(Math.max(...rates) <= 0.125, rates.join())
})

test('rows that lack columns of later stages are counted, not invented; wrong use says what there is', async () => {
  await assert.rejects(cut('x', { config: 'nothing' }), /nothing is not there/)
  await assert.rejects(cut('x', { low: 0.9, high: 0.1 }), /no band from 0.9 to 0.1/)
  const before = await rowsOf('wide', 'tagged')
  const same = await cut('later', { config: 'tagged' })
  assert.deepEqual([same.kept, same.restored, same.incomplete], [before.length, 0, 0])
  const wider = await cut('later-wider', { config: 'tagged', low: 0, high: 1 })
  assert.deepEqual([wider.kept, wider.restored], [before.length, 0])
  assert.equal(wider.incomplete, 41 - before.length - 1)
  const { removed } = await readManifest(wider.manifestPath)
  assert.ok(removed.by_reason.some(({ reason }) => reason.endsWith('without columns of later stages: tag')))
})

test('fulcrum refilter prints what it kept, and gives 1 when nothing is left', async () => {
  const said = { out: '', err: '' }
  const terminal: Terminal = {
    print: (text) => (said.out += text),
    tell: (text) => (said.err += text),
    ...{ live: false, width: 80, now: () => 0, signal: new AbortController().signal },
  }
  const run = (options: object) =>
    refilterCommand.run(
      {
        options: refilterCommand.options.parse(options),
        positionals: [join(folder, 'wide/manifest.json')],
        pipeline: null,
      },
      terminal,
    )
  assert.equal(await run({ low: 0.1, high: 0.9, out: join(folder, 'cli') }), 0)
  assert.match(said.out, /rows of pass_rates with a pass rate +41/)
  assert.equal(await run({ low: 0.501, high: 0.502, out: join(folder, 'none') }), 1)
  assert.match(said.err, /No row is left/)
  await assert.rejects(run({ domain: 'topic', out: join(folder, 'y') }), /--domain shares no budget/)
})
