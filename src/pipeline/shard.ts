import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import type { Account } from '../model/account/account.ts'
import { countersOf } from '../model/account/purse.ts'
import { col, type Columns } from '../record/columns.ts'
import { createOnce, syncFolder, writeFailure } from '../store/files.ts'
import type { ShardEntry } from '../store/manifest.ts'
import { createParquetWriter, type ParquetWriter } from '../store/parquet-writer.ts'
import { flow } from './flow.ts'
import type { Plan } from './plan.ts'
import type { SourceRow } from './source.ts'
import type { Run } from './stage.ts'
import { stagesOf } from './plan.ts'

/** What a shard's commit record says: readers see only files that one names. */
export interface CommitRecord {
  readonly config_sha256: string
  readonly shard: number
  readonly files: Readonly<Record<string, ShardEntry>>
  readonly removed: ShardEntry
  readonly drops: readonly { readonly stage: string; readonly reason: string; readonly rows: number }[]
  /** Rows that came into each stage and went out of it. */
  readonly stages: readonly { readonly name: string; readonly rows_in: number; readonly rows_out: number }[]
  readonly counters: Readonly<Record<string, number>>
}

const removedColumns = {
  id: col.nullable(col.string('id of the row, where it had one')),
  stage: col.string('stage that dropped it; source for input records'),
  reason: col.string('why'),
  row: col.string('the row as JSON'),
}

const shardName = (shard: number, shards: number): string =>
  `${String(shard).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}`

const commitPath = (out: string, shard: number, shards: number): string =>
  join(out, 'commits', `${shardName(shard, shards)}.json`)

/** The commit record of a shard, or null while it is not done. What it names must still be there. */
export async function readCommit(out: string, shard: number, shards: number): Promise<CommitRecord | null> {
  const path = commitPath(out, shard, shards)
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return null
  const record = JSON.parse(text) as CommitRecord
  for (const { file, bytes } of [...Object.values(record.files), record.removed]) {
    const size = await stat(join(out, file)).then(
      (found) => found.size,
      () => null,
    )
    if (size === bytes) continue
    throw new FulcrumError(
      'store',
      `${join(out, file)} ${size === null ? 'is missing' : `has ${size} bytes, not ${bytes}`}, but ${path} says it is done`,
      `Delete ${path} and run the same command again: it makes this shard anew.`,
    )
  }
  return record
}

/** The datasets a plan writes, with their columns. */
export function configsOf(plan: Plan): { config: string; columns: Columns }[] {
  if (plan.until !== null) return [{ config: `until-${plan.until}`, columns: plan.columns }]
  return plan.steps.flatMap((step) =>
    step.kind === 'shape' ? [{ config: step.shape.config, columns: step.shape.columns }] : [],
  )
}

export interface Watch {
  /** Called when rows leave a stage, rows are dropped or something is counted. */
  onRowsOut?(stage: number): void
  onDrop?(stage: string, reason: string): void
  onCount?(name: string, by: number): void
}

export interface ShardRun {
  readonly out: string
  readonly signal: AbortSignal
  readonly watch: Watch
  readonly account: Account
}

/** Runs one shard's source records through all steps, and commits what came out. An attempt writes files of its own;
 *  they are moved to their places and then made visible by one conditional create. */
export async function runShard(
  plan: Plan,
  shard: number,
  source: readonly SourceRow<Columns>[],
  { out, signal, watch, account }: ShardRun,
): Promise<CommitRecord> {
  const attempts = join(out, 'attempts', String(shard))
  await rm(attempts, { recursive: true, force: true })
  const attempt = join(attempts, randomUUID())
  await mkdir(attempt, { recursive: true }).catch((error: unknown) => {
    throw writeFailure(attempt, error)
  })

  const spent = account.purse.mark()
  const tally = newTally(plan, { shard, concurrency: account.concurrency, signal }, watch)
  const writers = await openWriters(plan, attempt)
  const removed = await createParquetWriter(join(attempt, 'removed.parquet'), {
    columns: removedColumns,
    metadata: {},
  })
  try {
    const write = (config: string, row: object): Promise<void> =>
      (writers.get(config) as ParquetWriter).write(row as Record<string, unknown>)
    const steps = plan.until === null ? plan.steps : plan.steps.filter(({ kind }) => kind === 'stage')
    const groups = flow(steps, groupsOf(source, tally), { run: tally, passed: tally.passed, write })
    for await (const rows of groups)
      if (plan.until !== null) for (const row of rows) await write(`until-${plan.until}`, row)
    for (const row of tally.removed) await removed.write(row)

    const name = shardName(shard, plan.shards)
    const files: Record<string, ShardEntry> = {}
    for (const [config, writer] of writers) {
      const file = `data/${config}/train-${name}.parquet`
      files[config] = { file, ...(await writer.close()) }
      await moveInto(join(attempt, `${config}.parquet`), join(out, file))
    }
    const removedFile = `removed/removed-${name}.parquet`
    const removedEntry = { file: removedFile, ...(await removed.close()) }
    await moveInto(join(attempt, 'removed.parquet'), join(out, removedFile))
    const record: CommitRecord = {
      config_sha256: plan.configSha256,
      shard,
      files,
      removed: removedEntry,
      drops: tally.drops(),
      stages: stagesOf(plan.steps).map(({ name: stage }, i) => ({
        name: stage,
        rows_in: tally.out[i] as number,
        rows_out: tally.out[i + 1] as number,
      })),
      counters: { ...tally.counters(), ...countersOf(spent()) },
    }
    signal.throwIfAborted()
    await createOnce(commitPath(out, shard, plan.shards), `${JSON.stringify(record, null, 1)}\n`)
    return record
  } catch (error) {
    await Promise.all([...writers.values(), removed].map((writer) => writer.abort()))
    throw error
  } finally {
    await rm(attempts, { recursive: true, force: true })
  }
}

interface Tally extends Run {
  readonly removed: Record<string, unknown>[]
  /** Rows out of the source (0) and of each stage (1..). */
  readonly out: number[]
  readonly passed: (stage: number) => void
  drops(): CommitRecord['drops']
  counters(): Record<string, number>
}

function newTally(plan: Plan, of: Pick<Run, 'shard' | 'concurrency' | 'signal'>, watch: Watch): Tally {
  const counted = new Map<string, { stage: string; reason: string; rows: number }>()
  const counters = new Map<string, number>()
  const removed: Record<string, unknown>[] = []
  const out = Array<number>(stagesOf(plan.steps).length + 1).fill(0)
  return {
    ...of,
    shards: plan.shards,
    seed: plan.seed,
    removed,
    out,
    passed: (stage) => {
      out[stage] = (out[stage] as number) + 1
      watch.onRowsOut?.(stage)
    },
    drop: (stage, row, reason) => {
      const { id } = row as { id?: unknown }
      removed.push({
        id: typeof id === 'string' ? id : null,
        stage,
        reason,
        row: JSON.stringify(row, bigintAsText),
      })
      const key = JSON.stringify([stage, reason])
      const entry = counted.get(key) ?? { stage, reason, rows: 0 }
      entry.rows++
      counted.set(key, entry)
      watch.onDrop?.(stage, reason)
    },
    count: (name, by = 1) => {
      counters.set(name, (counters.get(name) ?? 0) + by)
      watch.onCount?.(name, by)
    },
    drops: () => [...counted.values()],
    counters: () => Object.fromEntries([...counters].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

const bigintAsText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value

async function openWriters(plan: Plan, attempt: string): Promise<Map<string, ParquetWriter>> {
  const writers = new Map<string, ParquetWriter>()
  for (const { config, columns } of configsOf(plan)) {
    const meanings = Object.fromEntries(Object.entries(columns).map(([name, { meaning }]) => [name, meaning]))
    const metadata = {
      'fulcrum.pipeline': plan.name,
      'fulcrum.config_sha256': plan.configSha256,
      'fulcrum.columns': JSON.stringify(meanings),
    }
    writers.set(config, await createParquetWriter(join(attempt, `${config}.parquet`), { columns, metadata }))
  }
  return writers
}

/** Source rows in groups, and what is no row into `removed`. */
async function* groupsOf(source: readonly SourceRow<Columns>[], tally: Tally): AsyncGenerator<object[]> {
  await Promise.resolve()
  for (let from = 0; from < source.length; from += groupRows) {
    const rows: object[] = []
    for (const { row, reason } of source.slice(from, from + groupRows)) {
      if (reason === null) rows.push(row)
      else tally.drop('source', row, reason)
    }
    yield rows
  }
}

/** Rows handed on at once: enough that the hand-over costs nothing, few enough to be no memory. */
const groupRows = 64

async function moveInto(from: string, to: string): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true })
    await rename(from, to)
    await syncFolder(dirname(to))
  } catch (error) {
    throw writeFailure(to, error)
  }
}
