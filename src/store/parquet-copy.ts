import { parquetReadObjects, type SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { FulcrumError } from '../errors.ts'
import { openParquet, parquetOptions } from './parquet-reader.ts'
import { openWhole } from './whole-file.ts'
import { readyZstd, zstd } from './zstd.ts'

type StoredRow = Readonly<Record<string, unknown>>

/** What becomes of a row: kept as it is, left out (null), or another one in its place. Values are as stored: text is
 *  UTF-8 bytes, a timestamp its integer. */
export type MapRow = (row: number, values: StoredRow) => StoredRow | null

/** Writes the kept rows of a Parquet file to another, with its schema and key-value metadata, group by group; it appears
 *  whole or not at all. Every column is read and written as stored, so no type loses digits. The bytes of the file are
 *  new ones: ZSTD, PLAIN, no statistics. Rows count from 1. */
export async function copyParquet(
  path: string,
  mapRow: MapRow,
  out: string,
): Promise<{ readonly bytes: number; readonly sha256: string }> {
  await readyZstd()
  const opened = await openParquet(path)
  const file = await openWhole(out)
  try {
    const { metadata } = opened
    refuseUnwritable(path, metadata.schema)
    const stored = metadata.schema.map(asStored)
    const buffer = new ByteWriter()
    const schema = stored.map((element) => ({ ...element }))
    const writer = new ParquetWriter({
      writer: buffer,
      schema,
      codec: 'ZSTD',
      compressors: { ZSTD: zstd },
      statistics: false,
      kvMetadata: metadata.key_value_metadata ?? [],
      createdBy: 'fulcrum',
    })
    const drain = async (): Promise<void> => {
      await file.append(buffer.getBytes())
      buffer.index = 0
    }
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows)
      const read = { ...parquetOptions, file: opened.file, metadata: { ...metadata, schema: stored } }
      const rows: StoredRow[] = await parquetReadObjects({ ...read, rowStart, rowEnd })
      const kept = rows.flatMap((row, i): StoredRow[] => {
        const mapped = mapRow(rowStart + i + 1, row)
        return mapped === null ? [] : [mapped]
      })
      if (kept.length > 0) {
        await writer.write({ columnData: columnsOf(schema, kept), rowGroupSize: kept.length })
        await drain()
      }
      rowStart = rowEnd
    }
    // The values went in as stored; what they mean is the file's own schema.
    schema.forEach((element, i) => Object.assign(element, metadata.schema[i]))
    await writer.finish()
    await drain()
    return await file.commit()
  } catch (error) {
    await file.abort()
    if (error instanceof FulcrumError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new FulcrumError(
      'data',
      `Cannot rewrite ${path}: ${reason}`,
      'Fetch or write the file again.',
      error,
    )
  } finally {
    await opened.close()
  }
}

/** A column without what says how its bytes are to be read; lists and structs keep it, they are read by it. */
function asStored(element: SchemaElement): SchemaElement {
  if ((element.num_children ?? 0) > 0) return element
  const stored = { ...element }
  delete stored.converted_type
  delete stored.logical_type
  return stored
}

function columnsOf(schema: readonly SchemaElement[], rows: readonly StoredRow[]) {
  return topColumns(schema).map(({ name }) => ({
    name,
    data: rows.map((row) => row[name] ?? null),
    encoding: 'PLAIN' as const,
    offsetIndex: false,
  }))
}

function topColumns(schema: readonly SchemaElement[]): SchemaElement[] {
  let at = 1
  const skip = (): SchemaElement => {
    const element = schema[at++] as SchemaElement
    Array.from({ length: element.num_children ?? 0 }, skip)
    return element
  }
  return Array.from({ length: schema[0]?.num_children ?? 0 }, skip)
}

function refuseUnwritable(path: string, schema: readonly SchemaElement[]): void {
  const wrong = schema.filter(
    ({ type, converted_type: converted }) =>
      type === 'INT96' || converted === 'MAP' || converted === 'MAP_KEY_VALUE',
  )
  if (wrong.length === 0) return
  throw new FulcrumError(
    'data',
    `${path} has columns that cannot be rewritten: ${wrong.map(({ name, type }) => `${name} (${type ?? 'MAP'})`).join(', ')}`,
    'Write the file again with timestamps as INT64 and maps as lists of structs.',
  )
}
