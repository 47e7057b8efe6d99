import { openPlain, openUnpacked, readyUnpacking } from '../../corpus/bytes.ts'
import { fieldText, recordFields } from '../../corpus/fields.ts'
import { type FieldSelection, isWanted, parseSelection, type Step } from '../../corpus/selection.ts'
import { readParquet } from '../../store/parquet-reader.ts'
import { wantedLines } from './wanted-lines.ts'

/** A row of a corpus file, read for itself. */
export interface CorpusRow {
  /** Line of a text file, row of a Parquet file, from 1. */
  readonly row: number
  /** The selected texts: what the first pass signed. */
  readonly texts: readonly string[]
  readonly id: string | null
  readonly passRate: number | null
  /** As it is in the file; of Parquet as JSON. */
  readonly record: () => string
}

/** The given rows of a file, ascending. Only they are parsed. */
export async function* corpusRows(
  path: string,
  fields: FieldSelection,
  rows: Iterable<number>,
): AsyncGenerator<CorpusRow> {
  const selection = parseSelection(fields)
  if (path.endsWith('.parquet')) {
    yield* parquetRows(path, selection, rows)
    return
  }
  await readyUnpacking()
  // The first pass has read it all within its bounds.
  const unbound = { mostUnpackedBytes: Infinity, mostUnpackedRatio: Infinity }
  const source = /\.(gz|zst)$/.test(path) ? openUnpacked(path, unbound) : openPlain(path)
  try {
    for (const { row, bytes } of wantedLines(source, rows)) {
      const record = bytes.subarray(row === 1 && hasMark(bytes) ? 3 : 0)
      const texts = recordFields(record, selection).map((field) => decoder.decode(fieldText(record, field)))
      const line = decoder.decode(record)
      yield {
        row,
        texts,
        ...named(JSON.parse(line) as object),
        record: () => line.trimEnd(),
      }
    }
  } finally {
    source.close()
  }
}

type Selection = ReturnType<typeof parseSelection>

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

const hasMark = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

async function* parquetRows(
  path: string,
  selection: Selection,
  rows: Iterable<number>,
): AsyncGenerator<CorpusRow> {
  const pending = rows[Symbol.iterator]()
  let next = pending.next()
  let row = 0
  if (next.done === true) return
  for await (const value of readParquet(path)) {
    if (++row !== next.value) continue
    yield {
      row,
      texts: textsOf(value, selection),
      ...named(value),
      record: () => JSON.stringify(value, bigintAsText),
    }
    next = pending.next()
    if (next.done === true) return
  }
}

/** The selected strings of a value, in their order. */
function textsOf(value: unknown, selection: Selection, steps: readonly Step[] = []): string[] {
  if (typeof value === 'string') return isWanted(selection, steps) ? [value] : []
  if (Array.isArray(value)) return value.flatMap((item) => textsOf(item, selection, [...steps, null]))
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return []
  return Object.entries(value).flatMap(([key, inner]) => textsOf(inner, selection, [...steps, key]))
}

function named(record: object): Pick<CorpusRow, 'id' | 'passRate'> {
  const { id, pass_rate: rate } = record as { id?: unknown; pass_rate?: unknown }
  const hasId = typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint'
  return { id: hasId ? String(id) : null, passRate: typeof rate === 'number' ? rate : null }
}

const bigintAsText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value
