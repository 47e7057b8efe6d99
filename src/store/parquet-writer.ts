import { createHash } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { ByteWriter, ParquetWriter as HyparquetWriter } from 'hyparquet-writer'
import { FulcrumError } from '../errors.ts'
import { type Columns, misfit } from '../record/columns.ts'
import { writeFailure } from './files.ts'
import { parquetSchema } from './parquet-schema.ts'
import { readyZstd, zstd } from './zstd.ts'

interface WrittenFile {
  readonly rows: number
  readonly bytes: number
  /** hex */
  readonly sha256: string
}

/** Rows in, one Parquet file out; nobody should look at the file before close(). */
export interface ParquetWriter {
  /** Every column is checked against its declaration. */
  write(row: Readonly<Record<string, unknown>>): Promise<void>
  /** Writes the footer and syncs the file. */
  close(): Promise<WrittenFile>
  /** Removes what was written; after close() or a failed write it does nothing. */
  abort(): Promise<void>
}

export interface ParquetWriterOptions {
  readonly columns: Columns
  /** Key-value metadata of the file; no times or paths, or equal rows would not give equal bytes. */
  readonly metadata: Readonly<Record<string, string>>
  readonly rowGroupRows?: number
  /** A row group is closed when its rows weigh about this much. */
  readonly rowGroupBytes?: number
}

/** Opens a Parquet file for writing: ZSTD, PLAIN, no statistics (they buy nothing on long text and token ids).
 *  A lone surrogate, which no UTF-8 can hold, is written as U+FFFD. */
export async function createParquetWriter(
  path: string,
  options: ParquetWriterOptions,
): Promise<ParquetWriter> {
  await readyZstd()
  const [mostRows, mostBytes] = [options.rowGroupRows ?? 2048, options.rowGroupBytes ?? 32 * 2 ** 20]
  const file = await openHashed(path)
  const encoder = rowGroupEncoder(options)
  let group: Readonly<Record<string, unknown>>[] = []
  let [groupBytes, rows] = [0, 0]

  const flush = async (): Promise<void> => {
    if (group.length === 0) return
    await file.append(await encoder.rowGroup(group))
    group = []
    groupBytes = 0
  }
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      await file.abort()
      throw writeFailure(path, error)
    }
  }

  return {
    write: (row) =>
      guarded(async () => {
        check(row, options.columns, rows)
        group.push(row)
        groupBytes += weight(row)
        rows++
        if (group.length >= mostRows || groupBytes >= mostBytes) await flush()
      }),
    close: () =>
      guarded(async () => {
        await flush()
        await file.append(await encoder.footer())
        return { rows, ...(await file.close()) }
      }),
    abort: () => file.abort(),
  }
}

interface HashedFile {
  append(bytes: Uint8Array): Promise<void>
  /** Syncs; what was written is then there for good. */
  close(): Promise<{ bytes: number; sha256: string }>
  abort(): Promise<void>
}

async function openHashed(path: string): Promise<HashedFile> {
  const file = await open(path, 'w').catch((error: unknown) => {
    throw writeFailure(path, error)
  })
  const hash = createHash('sha256')
  let bytes = 0
  let done = false
  return {
    append: async (part) => {
      hash.update(part)
      bytes += part.length
      await file.writeFile(part)
    },
    close: async () => {
      await file.sync()
      await file.close()
      done = true
      return { bytes, sha256: hash.digest('hex') }
    },
    abort: async () => {
      if (done) return
      done = true
      await file.close().catch(() => undefined)
      await rm(path, { force: true })
    },
  }
}

interface RowGroupEncoder {
  /** Bytes to append to the file; valid until the next call. */
  rowGroup(rows: readonly Readonly<Record<string, unknown>>[]): Promise<Uint8Array>
  footer(): Promise<Uint8Array>
}

function rowGroupEncoder({ columns, metadata }: ParquetWriterOptions): RowGroupEncoder {
  const buffer = new ByteWriter()
  const writer = new HyparquetWriter({
    writer: buffer,
    schema: parquetSchema(columns),
    codec: 'ZSTD',
    compressors: { ZSTD: zstd },
    statistics: false,
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    createdBy: 'fulcrum',
  })
  const drain = (): Uint8Array => {
    const bytes = buffer.getBytes()
    buffer.index = 0
    return bytes
  }
  return {
    rowGroup: async (rows) => {
      const columnData = Object.keys(columns).map((name) => ({
        name,
        data: rows.map((row) => row[name] ?? null),
        encoding: 'PLAIN' as const,
        offsetIndex: false,
      }))
      await writer.write({ columnData, rowGroupSize: rows.length })
      return drain()
    },
    footer: async () => {
      await writer.finish()
      return drain()
    },
  }
}

function check(row: Readonly<Record<string, unknown>>, columns: Columns, index: number): void {
  for (const [name, column] of Object.entries(columns)) {
    const found = misfit(row[name], column)
    if (found === null) continue
    throw new FulcrumError(
      'data',
      `Row ${index}: column ${name} ${found}`,
      'A stage gave what it had not declared: mend the stage.',
    )
  }
}

/** About the bytes a value takes in memory. */
function weight(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (Array.isArray(value))
    return typeof value[0] === 'number'
      ? 8 * value.length
      : value.reduce<number>((sum, x) => sum + weight(x), 8)
  if (typeof value === 'object' && value !== null)
    return Object.values(value).reduce<number>((sum, x) => sum + weight(x), 8)
  return 8
}
