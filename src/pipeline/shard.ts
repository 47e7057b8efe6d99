import { randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { col, type Columns } from '../record/columns.ts'
import { createOnce, syncFolder } from '../store/files.ts'
import type { ShardEntry } from '../store/manifest.ts'
import { createParquetWriter, type ParquetWriter } from '../store/parquet-writer.ts'
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

export const shardName = (shard: number, shards: number): string =>
  `${String(shard).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}`

export const commitPath = (out: string, shard: number, shards: number): string =>
  join(out, 'commits', `${shardName(shard, shards)}.json`)

/** The commit record of a shard, or null while it is not done. */
export async function readCommit(out: string, shard: number, shards: number): Promise<CommitRecord | null> {
  const text = await readFile(commitPath(out, shard, shards), 'utf8').catch(() => null)
  return text === null ? null : (JSON.parse(text) as CommitRecord)
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

/** Runs one shard's source records through all steps, and commits what came out. An attempt writes files of its own;
 *  they are moved to their places and then made visible by one conditional create. */
export async function runShard(
  plan: Plan,
  shard: number,
  source: readonly SourceRow<Columns>[],
  { out, signal, watch }: { readonly out: string; readonly signal: AbortSignal; readonly watch: Watch },
): Promise<CommitRecord> {
  const attempts = join(out, 'attempts', String(shard))
  await rm(attempts, { recursive: true, force: true })
  const attempt = join(attempts, randomUUID())
  await mkdir(attempt, { recursive: true })

  const ledger = newLedger(plan, signal, watch)
  const writers = await openWriters(plan, attempt)
  const removed = await createParquetWriter(join(attempt, 'removed.parquet'), {
    columns: removedColumns,
    metadata: {},
  })
  try {
    const last = chain(plan, sourceRows(source, ledger), ledger, writers)
    for await (const row of last)
      if (plan.until !== null) await writers.get(`until-${plan.until}`)?.write(row as Record<string, unknown>)
    for (const row of ledger.removed) await removed.write(row)

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
      drops: ledger.drops(),
      stages: stagesOf(plan.steps).map(({ name: stage }, i) => ({
        name: stage,
        rows_in: ledger.out[i] as number,
        rows_out: ledger.out[i + 1] as number,
      })),
      counters: ledger.counters(),
    }
    signal.throwIfAborted()
    await createOnce(commitPath(out, shard, plan.shards), `${JSON.stringify(record, null, 1)}\n`)
    return record
  } finally {
    await rm(attempts, { recursive: true, force: true })
  }
}

interface Ledger extends Run {
  readonly removed: Record<string, unknown>[]
  /** Rows out of the source (0) and of each stage (1..). */
  readonly out: number[]
  readonly watch: Watch
  drops(): CommitRecord['drops']
  counters(): Record<string, number>
}

function newLedger(plan: Plan, signal: AbortSignal, watch: Watch): Ledger {
  const counted = new Map<string, { stage: string; reason: string; rows: number }>()
  const counters = new Map<string, number>()
  const removed: Record<string, unknown>[] = []
  return {
    seed: plan.seed,
    signal,
    removed,
    watch,
    out: Array<number>(stagesOf(plan.steps).length + 1).fill(0),
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

async function* sourceRows(source: readonly SourceRow<Columns>[], ledger: Ledger): AsyncGenerator<object> {
  await Promise.resolve()
  for (const { row, reason } of source) {
    ledger.signal.throwIfAborted()
    if (reason !== null) ledger.drop('source', row, reason)
    else yield row
  }
}

/** Strings stages and shapes together; what leaves the last step is returned. */
function chain(
  plan: Plan,
  source: AsyncIterable<object>,
  ledger: Ledger,
  writers: ReadonlyMap<string, ParquetWriter>,
): AsyncIterable<object> {
  let rows = counted(source, ledger, 0)
  let stages = 0
  for (const step of plan.steps) {
    if (step.kind === 'stage')
      rows = counted(step.stage.apply(rows as AsyncIterable<never>, ledger), ledger, ++stages)
    else if (plan.until === null)
      rows = tee(rows, step.shape.rows.bind(step.shape), writers.get(step.shape.config) as ParquetWriter)
  }
  return rows
}

function counted(rows: AsyncIterable<object>, ledger: Ledger, at: number): AsyncIterable<object> {
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = rows[Symbol.asyncIterator]()
      const seen = (result: IteratorResult<object>): IteratorResult<object> => {
        if (result.done !== true) {
          ledger.out[at] = (ledger.out[at] as number) + 1
          ledger.watch.onRowsOut?.(at)
        }
        return result
      }
      return {
        next: () => iterator.next().then(seen),
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      }
    },
  }
}

async function* tee(
  rows: AsyncIterable<object>,
  toRows: (row: never) => Iterable<object>,
  writer: ParquetWriter,
): AsyncGenerator<object> {
  for await (const row of rows) {
    for (const made of toRows(row as never)) await writer.write(made as Record<string, unknown>)
    yield row
  }
}

async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  await rename(from, to)
  await syncFolder(dirname(to))
}
