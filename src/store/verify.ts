import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { sha256OfFile } from './files.ts'
import { type Manifest, readManifest, type ShardEntry } from './manifest.ts'
import { parquetInfo } from './parquet-reader.ts'

export interface ShardCheck {
  readonly file: string
  readonly rows: number
  /** What is wrong, or null. */
  readonly problem: string | null
}

/** Checks every shard of a manifest: there, same bytes, same rows by DuckDB's own count, same columns. */
export async function verifyManifest(
  path: string,
): Promise<{ manifest: Manifest; shards: readonly ShardCheck[] }> {
  const manifest = await readManifest(path)
  const duckdb = await openDuckDb()
  const checks: ShardCheck[] = []
  try {
    for (const { columns, shards } of Object.values(manifest.configs)) {
      const types = Object.entries(columns).map(([name, { type }]) => `${name} ${type}`)
      for (const shard of shards) checks.push(await checkShard(dirname(path), shard, types, duckdb))
    }
    for (const shard of manifest.removed.shards)
      checks.push(await checkShard(dirname(path), shard, null, duckdb))
  } finally {
    duckdb.close()
  }
  return { manifest, shards: checks }
}

type CountRows = { count(path: string): Promise<number>; close(): void }

async function openDuckDb(): Promise<CountRows> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: '1GB',
    threads: '1',
  })
  const connection = await instance.connect()
  return {
    count: async (path) => {
      const reader = await connection.runAndReadAll('SELECT count(*) FROM read_parquet($path)', { path })
      return Number(reader.getRows()[0]?.[0])
    },
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function checkShard(
  folder: string,
  { file, rows, sha256 }: ShardEntry,
  types: readonly string[] | null,
  duckdb: CountRows,
): Promise<ShardCheck> {
  const path = join(folder, file)
  const wrong = async (): Promise<string | null> => {
    if (!existsSync(path)) return 'is missing'
    const found = await sha256OfFile(path)
    if (found !== sha256)
      return `has sha256 ${found.slice(0, 12)}…, the manifest says ${sha256.slice(0, 12)}…`
    const counted = await duckdb.count(path)
    if (counted !== rows) return `has ${counted} rows, the manifest says ${rows}`
    const columns = (await parquetInfo(path)).columns.map(({ name, type }) => `${name} ${type}`)
    const other = types === null ? [] : types.filter((type, i) => type !== columns[i])
    return other.length === 0 ? null : `lacks the columns ${other.join(', ')}`
  }
  return {
    file,
    rows,
    problem: await wrong().catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    ),
  }
}
