import { type FileMetaData, parquetScan, type SchemaElement } from 'hyparquet'
import { openParquet, parquetOptions } from '../store/parquet-reader.ts'
import type { CorpusHit, FieldHit } from './events.ts'
import type { RowScanner } from './row-scanner.ts'
import { isWanted, type parseSelection, type Step, stepPath } from './selection.ts'

/** An open Parquet file whose texts are read as bytes, a row group at a time. */
export interface ParquetRows {
  readonly scanGroup: (group: number) => Promise<void>
  readonly close: () => Promise<void>
}

/** Text columns, also inside lists and structs; other columns are not read at all. */
export async function openParquetRows(
  path: string,
  file: number,
  scanner: RowScanner,
  selection: ReturnType<typeof parseSelection>,
): Promise<ParquetRows> {
  const opened = await openParquet(path)
  const columns = textColumns(opened.metadata, selection)
  const named = namesRows(opened.metadata)
  return {
    async scanGroup(group) {
      const range = groupRange(opened.metadata, group)
      const scan = await parquetScan({
        ...parquetOptions,
        file: opened.file,
        metadata: opened.metadata,
        parsers: asBytes,
      })
      const read = (column: string): Promise<ArrayLike<unknown>> => scan.readColumn({ column, ...range })
      const data: { column: string; values: ArrayLike<unknown> }[] = []
      for (const column of columns) data.push({ column, values: await read(column) })
      let ids: ArrayLike<unknown> | null = null
      for (let row = 0; row < range.rowEnd - range.rowStart; row++) {
        const hits = scanRow(scanner, data, row, selection)
        scanner.counts().lines++
        if (hits.length === 0) continue
        ids ??= named ? await read('id') : []
        scanner.hit(hitOf(file, row + 1, ids[row], hits))
      }
    },
    close: opened.close,
  }
}

const hitOf = (file: number, row: number, id: unknown, fields: FieldHit[]): CorpusHit => ({
  kind: 'hit',
  file,
  row,
  id: idText(id),
  recordStart: 0,
  recordEnd: 0,
  record: null,
  fields,
})

const decoder = new TextDecoder()
const idText = (id: unknown): string | null => {
  if (id instanceof Uint8Array) return decoder.decode(id)
  return typeof id === 'number' || typeof id === 'bigint' ? String(id) : null
}

/** Strings stay the bytes they are in the page. */
const asBytes = { stringFromBytes: (bytes: Uint8Array | undefined) => bytes }

function scanRow(
  scanner: RowScanner,
  data: readonly { column: string; values: ArrayLike<unknown> }[],
  row: number,
  selection: ReturnType<typeof parseSelection>,
): FieldHit[] {
  const hits: FieldHit[] = []
  let texts = 0
  const visit = (value: unknown, path: string, anyPath: string, steps: readonly Step[]): void => {
    if (value instanceof Uint8Array) {
      if (!isWanted(selection, steps)) return
      scanner.counts().bytes += value.length
      const matches = scanner.scan(anyPath, value)
      if (matches !== null)
        hits.push({ path, byteStart: 0, byteEnd: value.length, text: value.slice(), matches })
      texts++
    } else if (Array.isArray(value))
      value.forEach((item, i) =>
        visit(item, stepPath(path, null, i), stepPath(anyPath, null), [...steps, null]),
      )
    else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value))
      for (const [key, inner] of Object.entries(value))
        visit(inner, stepPath(path, key), stepPath(anyPath, key), [...steps, key])
  }
  for (const { column, values } of data) visit(values[row], column, column, [column])
  scanner.endRow(row + 1, texts)
  return hits
}

function groupRange(
  { row_groups: groups }: FileMetaData,
  group: number,
): { rowStart: number; rowEnd: number } {
  const rowStart = groups.slice(0, group).reduce((sum, { num_rows: rows }) => sum + Number(rows), 0)
  return { rowStart, rowEnd: rowStart + Number(groups[group]?.num_rows ?? 0) }
}

/** Top-level columns that hold text where it is wanted. */
function textColumns({ schema }: FileMetaData, selection: ReturnType<typeof parseSelection>): string[] {
  let at = 1
  const hasText = (steps: readonly Step[]): boolean => {
    const field = schema[at++] as SchemaElement
    const isList = field.converted_type === 'LIST'
    const children = Array.from({ length: field.num_children ?? 0 }, () => {
      if (!isList) return hasText([...steps, (schema[at] as SchemaElement).name])
      // list -> its repeated group -> the item, which both stand for one step
      const repeated = schema[at] as SchemaElement
      if ((repeated.num_children ?? 0) !== 1) return hasText([...steps, null])
      at++
      return hasText([...steps, null])
    })
    if (children.length > 0) return children.includes(true)
    return isText(field) && isWanted(selection, steps)
  }
  const found: string[] = []
  const columns = schema[0]?.num_children ?? 0
  for (let column = 0; column < columns; column++) {
    const { name } = schema[at] as SchemaElement
    if (hasText([name])) found.push(name)
  }
  return found
}

const textTypes: readonly (string | undefined)[] = ['UTF8', 'JSON', 'ENUM']
const isText = ({ type, converted_type: converted, logical_type: logical }: SchemaElement): boolean =>
  type === 'BYTE_ARRAY' && (textTypes.includes(converted) || logical?.type === 'STRING')

/** Whether rows have a plain column `id`. */
const namesRows = ({ schema }: FileMetaData): boolean => {
  let [at, found] = [1, false]
  const skip = (): void => {
    const field = schema[at++] as SchemaElement
    Array.from({ length: field.num_children ?? 0 }, skip)
  }
  for (let column = 0; column < (schema[0]?.num_children ?? 0); column++) {
    const field = schema[at] as SchemaElement
    found ||= field.name === 'id' && field.num_children === undefined
    skip()
  }
  return found
}
