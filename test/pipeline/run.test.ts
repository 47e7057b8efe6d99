import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { cp, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { planPipeline, type PlanOptions } from '../../src/pipeline/plan.ts'
import { type RunOptions, runPipeline, type RunResult } from '../../src/pipeline/run.ts'
import { problems } from '../../src/pipeline/source.ts'
import { col, type Columns } from '../../src/record/columns.ts'
import { parquetInfo, readParquet } from '../../src/store/parquet-reader.ts'
import { verifyManifest } from '../../src/store/verify.ts'
import { digests, problemLines } from '../e2e/command.ts'
import slow from '../fixtures/pipelines/slow.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-run-'))
const input = join(folder, 'problems.jsonl')
writeFileSync(input, problemLines(30))
after(() => rm(folder, { recursive: true }))

const options = { problems: input, draws: 2, waitMs: 1, keep: true }
const planOptions: PlanOptions = { name: 'slow', options, seed: 0, shardRows: 8 }

/** Runs the slow pipeline, or another, into a folder. */
async function run(
  out: string,
  {
    pipeline,
    plan = {},
    ...rest
  }: { pipeline?: Pipeline<Columns>; plan?: Partial<PlanOptions> } & Partial<RunOptions> = {},
): Promise<RunResult> {
  const built = pipeline ?? (await slow.build(options))
  const planned = await planPipeline(built, { ...planOptions, ...plan })
  return runPipeline(built, planned, { out: join(folder, out), ...rest })
}

let wanted: Record<string, string> = {}
before(async () => {
  await run('first')
  wanted = await digests(join(folder, 'first'))
})

test('two runs with equal inputs, options and seed write equal bytes; another seed writes others', async () => {
  await run('second')
  assert.deepEqual(await digests(join(folder, 'second')), wanted)
  await run('other-seed', { plan: { seed: 1 } })
  const other = await digests(join(folder, 'other-seed'))
  const shard = 'data/guesses/train-00000-of-00005.parquet'
  assert.notEqual(other[shard], wanted[shard])
})

test('the manifest counts every row that came, went on and was dropped, and its shards are as it says', async () => {
  const { manifest, manifestPath } = await run('first')
  assert.ok(manifest !== null)
  const [draw, keep, tag] = manifest.pipeline.stages
  assert.deepEqual([draw?.rows_in, draw?.rows_out], [30, 60])
  assert.equal(tag?.rows_out, manifest.configs.guesses?.rows)
  const reasons = new Map(
    manifest.removed.by_reason.map(({ stage, reason, rows }) => [`${stage}: ${reason}`, rows]),
  )
  assert.equal(reasons.get('source: malformed line'), 1)
  assert.equal(reasons.get('source: duplicate id'), 1)
  assert.equal(reasons.get('source: column answer is missing'), 1)
  assert.equal(reasons.get('keep: small'), (keep?.rows_in ?? 0) - (keep?.rows_out ?? 0))
  assert.equal(manifest.counters.draws, 60)
  const { shards } = await verifyManifest(manifestPath)
  assert.deepEqual(
    shards.filter(({ problem }) => problem !== null),
    [],
  )
  assert.equal(shards.length, 10)
})

test('a dropped row is kept with stage, reason and all it had', async () => {
  const rows: Record<string, unknown>[] = []
  for await (const row of readParquet(join(folder, 'first/removed/removed-00000-of-00005.parquet')))
    rows.push(row)
  const small = rows.find(({ stage }) => stage === 'keep')
  assert.ok(small !== undefined)
  assert.equal(small.reason, 'small')
  const row = JSON.parse(small.row as string) as Record<string, unknown>
  assert.deepEqual(Object.keys(row), ['id', 'problem', 'answer', 'guess'])
  assert.equal(row.id, small.id)
})

test('parts of the shards in any order end with the same bytes, and say what is missing until then', async () => {
  const share = (index: number) => ({ share: { index, count: 2 } })
  const first = await run('parts', share(1))
  assert.deepEqual([first.manifest, first.missing], [null, 3])
  assert.equal((await run('parts', share(0))).missing, 0)
  assert.deepEqual(await digests(join(folder, 'parts')), wanted)
})

test('whatever a killed run leaves, the next one ends with the same bytes', async () => {
  const leftovers: Record<string, (out: string) => Promise<void>> = {
    'a shard moved into place but not committed': (out) => rm(join(out, 'commits/00002-of-00005.json')),
    'an uncommitted shard half in place': async (out) => {
      await rm(join(out, 'commits/00001-of-00005.json'))
      await truncate(join(out, 'data/guesses/train-00001-of-00005.parquet'), 10)
      await rm(join(out, 'removed/removed-00001-of-00005.parquet'))
    },
    'an attempt cut off': async (out) => {
      await rm(join(out, 'commits/00004-of-00005.json'))
      await mkdir(join(out, 'attempts/4/x'), { recursive: true })
      await writeFile(join(out, 'attempts/4/x/guesses.parquet'), 'PAR1')
    },
    'partial files beside whole ones': async (out) => {
      await writeFile(join(out, 'commits/00001-of-00005.json.x.partial'), '{')
      await writeFile(join(out, 'manifest.json.x.partial'), '{')
    },
    'no manifest': (out) => rm(join(out, 'manifest.json')),
    'nothing but a plan': async (out) => {
      for (const name of ['data', 'removed', 'commits', 'manifest.json', 'README.md', 'dataset_info.json'])
        await rm(join(out, name), { recursive: true })
    },
  }
  for (const [what, leave] of Object.entries(leftovers)) {
    const out = join(folder, 'killed')
    await cp(join(folder, 'first'), out, { recursive: true })
    await leave(out)
    await run('killed')
    assert.deepEqual(await digests(out), wanted, what)
    await rm(out, { recursive: true })
  }
})

test('a committed shard whose file is gone or cut is said, never papered over', async () => {
  const out = join(folder, 'damaged')
  await cp(join(folder, 'first'), out, { recursive: true })
  await truncate(join(out, 'data/guesses/train-00003-of-00005.parquet'), 20)
  await assert.rejects(run('damaged'), {
    code: 'store',
    message: /train-00003-of-00005\.parquet has 20 bytes, not \d+/,
    hint: /Delete .*00003-of-00005\.json and run the same command again/,
  })
})

test('a folder that holds another run is refused with both values', async () => {
  await assert.rejects(run('first', { plan: { seed: 7, shardRows: 9 } }), {
    code: 'plan',
    message: /seed is 0 there, 7 here; rows a shard is 8 there, 9 here/,
    hint: /choose another --out/,
  })
  await assert.rejects(
    run('first', { plan: { options: { ...options, draws: 3 } } }),
    /options\.draws is 2 there, 3 here/,
  )
  await writeFile(input, `${await readFile(input, 'utf8')}{"problem":"one more","answer":1}\n`)
  await assert.rejects(run('first'), /inputs\.0 is "[0-9a-f]{59}… there, /)
  await writeFile(input, problemLines(30))
})

test('until stops after a stage and writes its rows with every column so far', async () => {
  const { manifest } = await run('until', { plan: { until: 'draw' } })
  assert.deepEqual(Object.keys(manifest?.configs ?? {}), ['until-draw'])
  assert.equal(manifest?.configs['until-draw']?.rows, 60)
  const { columns } = await parquetInfo(join(folder, 'until/data/until-draw/train-00000-of-00005.parquet'))
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['id', 'problem', 'answer', 'guess'],
  )
  await assert.rejects(run('until', { plan: { until: 'drew' } }), {
    code: 'config',
    message: /no stage drew/,
    hint: /draw, keep, tag/,
  })
})

test('a stage that fails stops the run; what was done stays, nothing half-written is taken for whole', async () => {
  let broken = true
  const failing = Pipeline.from(problems(input))
    .through(
      map({
        name: 'fails',
        needs: { answer: col.string('answer') },
        adds: { twice: col.int32('twice') },
        each: ({ answer }) => {
          if (broken && answer === '15') throw new Error('fifteen')
          return { twice: 2 * Number(answer) }
        },
      }),
    )
    .into({
      config: 'all',
      needs: {},
      columns: { twice: col.int32('twice') },
      rows: (row) => [row as { twice: number }],
    })
  await assert.rejects(run('failing', { pipeline: failing }), /Stage fails failed at row \w+: fifteen/)
  assert.deepEqual(Object.keys(await digests(join(folder, 'failing'))), [
    'commits/00000-of-00005.json',
    'commits/00001-of-00005.json',
    'data/all/train-00000-of-00005.parquet',
    'data/all/train-00001-of-00005.parquet',
    'plan.json',
    'removed/removed-00000-of-00005.parquet',
    'removed/removed-00001-of-00005.parquet',
  ])
  broken = false
  const resumed: boolean[] = []
  const watch = { onShard: (_done: number, _of: number, was: boolean) => void resumed.push(was) }
  assert.equal((await run('failing', { pipeline: failing, watch })).manifest?.configs.all?.rows, 30)
  assert.deepEqual(resumed, [true, true, false, false, false])
})

test('a value that a stage did not declare is refused where it is written', async () => {
  const lying = Pipeline.from(problems(input))
    .through(map({ name: 'lies', needs: {}, adds: { n: col.int32('n') }, each: () => ({ n: 0.5 }) }))
    .into({ config: 'all', needs: {}, columns: { n: col.int32('n') }, rows: (row) => [row as { n: number }] })
  await assert.rejects(run('lying', { pipeline: lying }), /column n is not int32: 0.5/)
})

test('an interrupted run leaves only what is done', async () => {
  const controller = new AbortController()
  const watch = { onShard: () => controller.abort(new Error('interrupted')) }
  await assert.rejects(run('interrupted', { signal: controller.signal, watch }), /interrupted/)
  const left = Object.keys(await digests(join(folder, 'interrupted')))
  assert.deepEqual(
    left.filter((file) => file.startsWith('commits') || file.startsWith('attempts')),
    ['commits/00000-of-00005.json'],
  )
  await run('interrupted')
  assert.deepEqual(await digests(join(folder, 'interrupted')), wanted)
})
