/** JavaScript rows into Parquet and back, our store against DuckDB, and against parquetjs-lite on flat columns:
 *  `node --import ./test/bench/strip-types.js test/bench/parquet.bench.ts`. CPU-seconds of the process, all threads; the writers take turns chunk by chunk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DuckDBInstance,
  type DuckDBConnection,
  DuckDBDataChunk,
  listValue,
  structValue,
} from '@duckdb/node-api'
import type { DuckDBAppender, DuckDBValue } from '@duckdb/node-api'
import lite from 'parquetjs-lite'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'
import { type Figure, main } from './figure.ts'
import { benchRow, type BenchRow, columns, flat } from './parquet-rows.ts'

const [rowCount, chunkRows] = [200_000, 2_000]
/** parquetjs-lite is slow: it gets this share of the chunks, and so does our writer of the same columns. */
const flatEvery = 5
const pruned = ['question_id', 'prob_chosen'] as const

/** CPU-seconds by name. */
class Clock {
  readonly spent: Record<string, number> = {}

  async time<T>(name: string, work: () => Promise<T> | T): Promise<T> {
    const start = process.cpuUsage()
    const result = await work()
    const { user, system } = process.cpuUsage(start)
    this.spent[name] = (this.spent[name] ?? 0) + (user + system) / 1e6
    return result
  }
}

export async function bench(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-bench-'))
  const duckdb = await DuckDBInstance.create(':memory:', { threads: '1', temp_directory: folder })
  const connection = await duckdb.connect()
  try {
    const clock = new Clock()
    await write(folder, connection, clock)
    await read(join(folder, 'ours.parquet'), connection, clock)
    return figures(clock.spent)
  } finally {
    connection.closeSync()
    duckdb.closeSync()
    rmSync(folder, { recursive: true })
  }
}

async function write(folder: string, connection: DuckDBConnection, clock: Clock): Promise<void> {
  await connection.run(tableOfRows)
  const appender = await connection.createAppender('rows')
  const ours = await createParquetWriter(join(folder, 'ours.parquet'), { columns, metadata: {} })
  const oursFlat = await createParquetWriter(join(folder, 'flat.parquet'), { columns: flat, metadata: {} })
  const theirsFlat = await lite.ParquetWriter.openFile(liteSchema, join(folder, 'lite.parquet'))
  for (let chunk = 0; chunk < rowCount / chunkRows; chunk++) {
    const rows = Array.from({ length: chunkRows }, (_, i) => benchRow(chunk * chunkRows + i))
    await clock.time('write', async () => {
      for (const row of rows) await ours.write(row)
    })
    await clock.time('append', () => append(appender, rows))
    if (chunk % flatEvery !== 0) continue
    await clock.time('write flat', async () => {
      for (const row of rows) await oursFlat.write(row)
    })
    await clock.time('write lite', async () => {
      for (const row of rows) await theirsFlat.appendRow(row)
    })
  }
  await clock.time('write', () => ours.close())
  await clock.time('write flat', () => oursFlat.close())
  await clock.time('write lite', () => theirsFlat.close())
  await clock.time('append', () => appender.closeSync())
  const file = join(folder, 'duckdb.parquet').replaceAll("'", "''")
  await clock.time('copy', () => connection.run(`COPY rows TO '${file}' (FORMAT parquet, COMPRESSION zstd)`))
}

async function read(path: string, connection: DuckDBConnection, clock: Clock): Promise<void> {
  const counts: number[] = []
  for (const names of [Object.keys(columns), pruned]) {
    const suffix = names === pruned ? ' pruned' : ''
    let [ours, theirs] = [0, 0]
    await clock.time(`read${suffix}`, async () => {
      for await (const row of readParquet(path, { columns: names })) ours += row.question_id === null ? 0 : 1
    })
    await clock.time(`duckdb read${suffix}`, async () => {
      const found = await connection.stream(`SELECT ${names.join(', ')} FROM read_parquet($path)`, { path })
      for await (const rows of found.yieldRowObjectJs())
        for (const row of rows) theirs += row.question_id === null ? 0 : 1
    })
    counts.push(ours, theirs)
  }
  if (counts.some((count) => count !== rowCount)) throw new Error(`read ${counts.join(', ')} rows`)
}

const liteSchema = new lite.ParquetSchema({
  question_id: { type: 'UTF8', compression: 'SNAPPY' },
  prompt: { type: 'UTF8', compression: 'SNAPPY' },
  completion: { type: 'UTF8', compression: 'SNAPPY' },
  prob_chosen: { type: 'DOUBLE', compression: 'SNAPPY' },
  n_chosen: { type: 'INT32', compression: 'SNAPPY' },
})

const tableOfRows = `CREATE TABLE rows (question_id VARCHAR, prompt VARCHAR, completion VARCHAR, prompt_ids INTEGER[],
  completion_ids INTEGER[], messages STRUCT(role VARCHAR, content VARCHAR)[],
  metadata STRUCT(original_query VARCHAR, prob_delta DOUBLE), prob_chosen DOUBLE, prob_before DOUBLE,
  n_chosen INTEGER, confirmed BOOLEAN)`

/** A chunk at a time, a column at a time: the fastest way in that DuckDB's Node interface has. */
function append(appender: DuckDBAppender, rows: readonly BenchRow[]): void {
  const names = Object.keys(columns) as (keyof BenchRow)[]
  const types = names.map((_, i) => appender.columnType(i))
  const chunk = DuckDBDataChunk.create(types, rows.length)
  chunk.setColumns(names.map((name) => rows.map((row) => duckValue(row[name]))))
  appender.appendDataChunk(chunk)
}

function duckValue(value: BenchRow[keyof BenchRow]): DuckDBValue {
  if (typeof value !== 'object' || value === null) return value
  if ('original_query' in value) return structValue(value)
  return listValue(value.map((item) => (typeof item === 'number' ? item : structValue(item))))
}

function figures(spent: Readonly<Record<string, number>>): Figure[] {
  const seconds = (name: string): number => spent[name] as number
  const figure = (what: string, rows: number, ours: number, theirs: number, baseline: string): Figure => ({
    bench: 'parquet',
    case: what,
    value: rows / ours,
    unit: 'rows/CPU-s',
    baseline,
    ratio: theirs / ours,
  })
  const nested = `${rowCount} rows of text, ids, structs`
  const two = `${rowCount} rows, 2 of ${Object.keys(columns).length} columns`
  const flatRows = rowCount / flatEvery
  const inAndOut = seconds('append') + seconds('copy')
  return [
    figure(`write ${nested}`, rowCount, seconds('write'), inAndOut, 'DuckDB append + COPY'),
    figure(
      `write ${nested}`,
      rowCount,
      seconds('write'),
      seconds('copy'),
      'DuckDB COPY alone, rows in a table',
    ),
    figure(`read ${nested}`, rowCount, seconds('read'), seconds('duckdb read'), 'DuckDB'),
    figure(`read ${two}`, rowCount, seconds('read pruned'), seconds('duckdb read pruned'), 'DuckDB'),
    figure(
      `write ${flatRows} flat rows`,
      flatRows,
      seconds('write flat'),
      seconds('write lite'),
      'parquetjs-lite',
    ),
  ]
}

await main(import.meta.url, bench)
