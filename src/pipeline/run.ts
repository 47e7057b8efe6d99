import { setMaxListeners } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { type Columns, typeName } from '../record/columns.ts'
import { type Account, openAccount } from '../model/account/account.ts'
import type { Desk } from '../model/batch/desk.ts'
import { packageRoot } from '../store/bundled.ts'
import { writeWhole } from '../store/files.ts'
import type { Manifest } from '../store/manifest.ts'
import { datasetCard } from './card.ts'
import { claim, sweep } from './claim.ts'
import { fillLedger, requireBatches } from './fill-ledger.ts'
import { datasetInfo } from './dataset-info.ts'
import type { Pipeline } from './pipeline.ts'
import { modelsOf, type Plan, stagesOf } from './plan.ts'
import { writeSidecars } from './sidecars.ts'
import { type CommitRecord, configsOf, readCommit, runShard, type Watch } from './shard.ts'
import type { SourceRow } from './source.ts'

export interface RunOptions {
  readonly out: string
  /** This process does shards where shard % count === index. */
  readonly share?: { readonly index: number; readonly count: number }
  readonly signal?: AbortSignal
  /** Ledger, limits and purse of the models that cost something. Without it their answers are kept in OUT/ledger. */
  readonly account?: Account
  readonly watch?: Watch & {
    onShard?(done: number, shards: number, resumed: boolean): void
    /** The run failed; the answers of requests in flight are waited for. */
    onDrain?(inFlight: number): void
  }
}

export interface RunResult {
  /** Null while other processes still have shards to do. */
  readonly manifest: Manifest | null
  readonly manifestPath: string
  /** Shards without a commit record. */
  readonly missing: number
}

/** Runs a plan: shards that are committed are skipped, the manifest is derived when all of them are. Same inputs,
 *  options and seed give the same bytes, however often the run was cut off. */
export async function runPipeline(
  pipeline: Pipeline<Columns>,
  plan: Plan,
  options: RunOptions,
): Promise<RunResult> {
  const { out, account } = options
  // Everything in flight listens to it.
  if (options.signal !== undefined) setMaxListeners(0, options.signal)
  const paid = modelsOf(plan.steps).flatMap((model) => (model.paid ? [model.paid.who] : []))
  account?.purse.requirePaid(paid)
  account?.purse.requirePrices(paid)
  if (account?.batches) requireBatches(plan)
  const { configSha256, identity, inputs, shards, expectedCalls } = plan
  await claim(out, { configSha256, identity, inputs, shards, expectedCalls })
  const alone = (options.share?.count ?? 1) === 1
  if (alone) await sweep(out)
  await runOnAccount(pipeline, plan, options)

  const commits: CommitRecord[] = []
  for (let shard = 0; shard < plan.shards; shard++) {
    const record = await readCommit(out, shard, plan.shards)
    if (record !== null) commits.push(record)
  }
  const manifestPath = join(out, 'manifest.json')
  const missing = plan.shards - commits.length
  if (missing > 0) return { manifest: null, manifestPath, missing }
  const manifest = await manifestOf(plan, commits)
  await writeSidecars(plan, manifest, out)
  await writeWhole(join(out, 'README.md'), datasetCard(manifest))
  await writeWhole(join(out, 'dataset_info.json'), datasetInfo(manifest))
  await writeWhole(manifestPath, `${JSON.stringify(manifest, null, 2)}\n`)
  await rm(join(out, 'attempts'), { recursive: true, force: true })
  return { manifest, manifestPath, missing }
}

/** Does the shards with models that have joined the account. When one fails, what is in flight has been paid for: it is
 *  waited for and kept, unless the run is interrupted. */
async function runOnAccount(pipeline: Pipeline<Columns>, plan: Plan, options: RunOptions): Promise<void> {
  const { out, share, signal, watch } = options
  const own = { ledger: join(out, 'ledger'), ...(share && { share }) }
  const account = options.account ?? (await openAccount(own))
  try {
    for (const { paid } of modelsOf(plan.steps)) paid?.join(account)
    if (account.batches !== null) await fillByBatches(pipeline, plan, account.batches, options)
    await runShards(pipeline, plan, { ...options, account })
  } catch (error) {
    if (signal?.aborted !== true) {
      if (account.inFlight > 0) watch?.onDrain?.(account.inFlight)
      await account.drain()
    }
    throw error
  } finally {
    await account.close()
  }
}

/** Gets the answers of the shards to come before the first of them is made. */
const fillByBatches = (
  pipeline: Pipeline<Columns>,
  plan: Plan,
  batches: Desk,
  { out, share = { index: 0, count: 1 }, signal = new AbortController().signal }: RunOptions,
): Promise<void> =>
  fillLedger(pipeline, plan, batches, {
    signal,
    wants: async (shard) =>
      shard % share.count === share.index && (await readCommit(out, shard, plan.shards)) === null,
  })

async function runShards(
  pipeline: Pipeline<Columns>,
  plan: Plan,
  {
    out,
    share = { index: 0, count: 1 },
    signal = new AbortController().signal,
    watch = {},
    account,
  }: RunOptions & { readonly account: Account },
): Promise<void> {
  let done = 0
  const finish = async (shard: number, rows: readonly SourceRow<Columns>[]): Promise<void> => {
    if (shard % share.count !== share.index) return
    const resumed = (await readCommit(out, shard, plan.shards)) !== null
    if (!resumed) await runShard(plan, shard, rows, { out, signal, watch, account })
    watch.onShard?.(++done, Math.ceil((plan.shards - share.index) / share.count), resumed)
  }
  let shard = 0
  let rows: SourceRow<Columns>[] = []
  for await (const row of pipeline.source.rows()) {
    rows.push(row)
    if (rows.length < plan.shardRows) continue
    await finish(shard++, rows)
    rows = []
  }
  if (rows.length > 0) await finish(shard, rows)
}

async function manifestOf(plan: Plan, commits: readonly CommitRecord[]): Promise<Manifest> {
  const version = (
    JSON.parse(await readFile(join(packageRoot(), 'package.json'), 'utf8')) as { version: string }
  ).version
  const configs = configsOf(plan).map(({ config, columns }) => {
    const shards = commits.map(({ files }) => files[config]).filter((file) => file !== undefined)
    const described: Manifest['configs'][string]['columns'] = Object.fromEntries(
      Object.entries(columns).map(([name, { type, nullable, meaning }]) => [
        name,
        { type: typeName(type), nullable, meaning },
      ]),
    )
    return [config, { rows: sum(shards.map(({ rows }) => rows)), columns: described, shards }] as const
  })
  const stages = stagesOf(plan.steps).map(({ name, options: stageOptions = {} }, i) => ({
    name,
    options: stageOptions,
    rows_in: sum(commits.map(({ stages: each }) => each[i]?.rows_in ?? 0)),
    rows_out: sum(commits.map(({ stages: each }) => each[i]?.rows_out ?? 0)),
  }))
  return {
    format: 'fulcrum-manifest/1',
    name: plan.name,
    ...(plan.description !== undefined && { description: plan.description }),
    ...(plan.licence !== undefined && { licence: plan.licence }),
    pipeline: { name: plan.name, options: { ...plan.options }, config_sha256: plan.configSha256, stages },
    seed: plan.seed,
    versions: { fulcrum: version, node: process.version },
    models: plan.models.map((id) => ({ id, grade: plan.grades[id] })),
    inputs: plan.inputs.map((input) => ({ ...input })),
    configs: Object.fromEntries(configs),
    removed: {
      rows: sum(commits.map(({ removed }) => removed.rows)),
      by_reason: mergeDrops(commits),
      shards: commits.map(({ removed }) => removed),
    },
    counters: mergeCounters(commits),
  }
}

function mergeDrops(commits: readonly CommitRecord[]): Manifest['removed']['by_reason'] {
  const merged = new Map<string, { stage: string; reason: string; rows: number }>()
  for (const { stage, reason, rows } of commits.flatMap(({ drops }) => drops)) {
    const key = JSON.stringify([stage, reason])
    const entry = merged.get(key) ?? { stage, reason, rows: 0 }
    entry.rows += rows
    merged.set(key, entry)
  }
  return [...merged.values()]
}

function mergeCounters(commits: readonly CommitRecord[]): Record<string, number> {
  const merged: Record<string, number> = {}
  for (const [name, value] of commits.flatMap(({ counters }) => Object.entries(counters))) {
    merged[name] = (merged[name] ?? 0) + value
  }
  return merged
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
