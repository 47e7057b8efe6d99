import { type FileHandle, open } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { FulcrumError } from '../errors.ts'
import { schemaTypes } from './parquet-schema.ts'
import { readyZstd, unzstd } from './zstd.ts'

export interface ParquetInfo {
  readonly rows: number
  readonly rowGroups: number
  readonly bytes: number
  readonly columns: readonly { readonly name: string; readonly type: string; readonly nullable: boolean }[]
  readonly metadata: Readonly<Record<string, string>>
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
/** How hyparquet reads for us: our decoders, text as it is. */
export const parquetOptions = {
  utf8: false,
  // The default decoder drops a leading U+FEFF.
  parsers: { stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes) },
  compressors: {
    ZSTD: unzstd,
    GZIP: (bytes: Uint8Array, length: number) => gunzipSync(bytes, { maxOutputLength: Math.max(length, 1) }),
  },
}

/** Rows of a Parquet file, one row group in memory at a time; int64 comes as bigint, missing values as null. */
export async function* readParquet(
  path: string,
  { columns }: { readonly columns?: readonly string[] } = {},
): AsyncGenerator<Record<string, unknown>> {
  const { file, metadata, close } = await openParquet(path)
  try {
    checkColumns(path, metadata, columns ?? [])
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows)
      const wanted = columns === undefined ? {} : { columns: [...columns] }
      const rows = await parquetReadObjects({
        file,
        metadata,
        rowStart,
        rowEnd,
        ...parquetOptions,
        ...wanted,
      }).catch((cause: unknown) => {
        throw unreadable(path, cause)
      })
      for (const row of rows) yield withNulls(row) as Record<string, unknown>
      rowStart = rowEnd
    }
  } finally {
    await close()
  }
}

/** What a file says of itself. */
export async function parquetInfo(path: string): Promise<ParquetInfo> {
  const { file, metadata, close } = await openParquet(path)
  await close()
  return {
    rows: Number(metadata.num_rows),
    rowGroups: metadata.row_groups.length,
    bytes: file.byteLength,
    columns: schemaTypes(metadata.schema),
    metadata: Object.fromEntries(
      (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? '']),
    ),
  }
}

function checkColumns(path: string, { schema }: FileMetaData, wanted: readonly string[]): void {
  const there = schemaTypes(schema).map(({ name }) => name)
  const missing = wanted.filter((name) => !there.includes(name))
  if (missing.length === 0) return
  throw new FulcrumError('data', `${path} has no column ${missing.join(', ')}`, `It has ${there.join(', ')}.`)
}

/** A Parquet file for hyparquet. Close it. */
export async function openParquet(
  path: string,
): Promise<{ file: AsyncBuffer; metadata: FileMetaData; close: () => Promise<void> }> {
  await readyZstd()
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new FulcrumError('data', `Cannot open ${path}`, 'Check the path.', cause)
  })
  try {
    const { size } = await handle.stat()
    const file = { byteLength: size, slice: (from: number, to = size) => bytesAt(handle, from, to) }
    return { file, metadata: await parquetMetadataAsync(file), close: () => handle.close() }
  } catch (cause) {
    await handle.close()
    throw unreadable(path, cause)
  }
}

async function bytesAt(handle: FileHandle, from: number, to: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(to - from)
  let read = 0
  while (read < bytes.length) {
    const { bytesRead } = await handle.read(bytes, read, bytes.length - read, from + read)
    if (bytesRead === 0) throw new Error(`the file ends at byte ${from + read}`)
    read += bytesRead
  }
  return bytes.buffer
}

function unreadable(path: string, cause: unknown): FulcrumError {
  if (cause instanceof FulcrumError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new FulcrumError(
    'data',
    `${path} is not a whole Parquet file: ${reason}`,
    'Fetch or write the file again.',
    cause,
  )
}

/** hyparquet gives undefined for missing values and typed arrays for some lists. */
function withNulls(value: unknown): unknown {
  if (value === undefined || value === null) return null
  if (ArrayBuffer.isView(value) && !(value instanceof Uint8Array)) return Array.from(value as Int32Array)
  if (Array.isArray(value)) return value.map(withNulls)
  if (typeof value !== 'object' || value instanceof Date || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withNulls(inner)]))
}
