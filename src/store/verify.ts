import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
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

type Declared = Manifest['configs'][string]['columns']

/** Checks every shard of a manifest: there, same bytes, and every page read by DuckDB with the rows, columns and
 *  nulls that the manifest says. Rows that do not add up and files that a reader of the folder would load beside
 *  the shards are reported too. */
export async function verifyManifest(
  path: string,
): Promise<{ manifest: Manifest; shards: readonly ShardCheck[] }> {
  const manifest = await readManifest(path)
  const folder = dirname(path)
  const duckdb = await openDuckDb()
  const checks: ShardCheck[] = []
  try {
    for (const [config, { rows, columns, shards }] of Object.entries(manifest.configs)) {
      for (const shard of shards) checks.push(await checkShard(folder, shard, columns, duckdb))
      checks.push(...checkTotal(config, rows, shards), ...(await unlisted(folder, shards)))
    }
    const { rows, shards } = manifest.removed
    for (const shard of shards) checks.push(await checkShard(folder, shard, null, duckdb))
    checks.push(...checkTotal('removed', rows, shards))
  } finally {
    duckdb.close()
  }
  return { manifest, shards: checks }
}

interface DuckDb {
  /** Rows, then values that are not null in each column: reads every page. */
  count(path: string): Promise<number[]>
  close(): void
}

async function openDuckDb(): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    memory_limit: '1GB',
    threads: '1',
  })
  const connection = await instance.connect()
  return {
    count: async (path) => {
      const query = 'SELECT count(*), count(COLUMNS(*)) FROM read_parquet($path)'
      const reader = await connection.runAndReadAll(query, { path })
      return (reader.getRows()[0] ?? []).map(Number)
    },
    close: () => {
      connection.closeSync()
      instance.closeSync()
    },
  }
}

async function checkShard(
  folder: string,
  shard: ShardEntry,
  columns: Declared | null,
  duckdb: DuckDb,
): Promise<ShardCheck> {
  const { file, rows } = shard
  const problem = await problemOf(join(folder, file), shard, columns, duckdb).catch((error: unknown) =>
    error instanceof Error ? error.message : String(error),
  )
  return { file, rows, problem }
}

async function problemOf(
  path: string,
  { rows, bytes, sha256 }: ShardEntry,
  columns: Declared | null,
  duckdb: DuckDb,
): Promise<string | null> {
  if (!existsSync(path)) return 'is missing'
  const found = await sha256OfFile(path)
  if (found !== sha256) return `has sha256 ${found.slice(0, 12)}…, the manifest says ${sha256.slice(0, 12)}…`
  const info = await parquetInfo(path)
  if (info.bytes !== bytes) return `has ${info.bytes} bytes, the manifest says ${bytes}`
  const [counted, ...filled] = await duckdb.count(path)
  if (counted !== rows) return `has ${String(counted)} rows, the manifest says ${rows}`
  if (columns === null) return null
  const has = info.columns.map(({ name, type }) => `${name} ${type}`)
  const declared = Object.entries(columns).map(([name, { type }]) => `${name} ${type}`)
  const lacking = declared.filter((column) => !has.includes(column))
  if (lacking.length > 0) return `lacks the columns ${lacking.join(', ')}`
  const extra = has.filter((column) => !declared.includes(column))
  if (extra.length > 0) return `has columns the manifest does not name: ${extra.join(', ')}`
  const holes = info.columns.filter(({ name }, i) => !columns[name]?.nullable && filled[i] !== rows)
  return holes.length === 0 ? null : `has nulls in ${holes.map(({ name }) => name).join(', ')}`
}

function checkTotal(config: string, rows: number, shards: readonly ShardEntry[]): ShardCheck[] {
  const sum = shards.reduce((total, shard) => total + shard.rows, 0)
  if (sum === rows) return []
  return [
    { file: 'manifest.json', rows: 0, problem: `says ${config} has ${rows} rows, its shards have ${sum}` },
  ]
}

/** Parquet files beside the shards: who loads data/<config>/*.parquet would load them too. */
async function unlisted(folder: string, shards: readonly ShardEntry[]): Promise<ShardCheck[]> {
  const listed = new Set(shards.map(({ file }) => file))
  const found: ShardCheck[] = []
  for (const within of new Set(shards.map(({ file }) => posix.dirname(file)))) {
    const names = await readdir(join(folder, within)).catch((): string[] => [])
    for (const name of names.sort()) {
      const file = posix.join(within, name)
      if (!name.endsWith('.parquet') || listed.has(file)) continue
      found.push({
        file,
        rows: 0,
        problem: 'is not in the manifest, but readers of the folder would load it',
      })
    }
  }
  return found
}
