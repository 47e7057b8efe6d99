import { isUtf8 } from 'node:buffer'
import type { CorpusHit, FieldHit } from './events.ts'
import { createExtractor, type Extractor, rowKind, type RowTables } from './extractor.ts'
import { fieldText, recordFields } from './fields.ts'
import type { LineSink } from './lines.ts'
import { oddness } from './odd-line.ts'
import type { RowScanner } from './row-scanner.ts'
import type { parseSelection } from './selection.ts'

/** Scans lines of JSON; what is unusual about a line is decided by JSON.parse. */
export interface JsonRows extends LineSink {
  /** Where lines are read into. */
  readonly buffer: Uint8Array
  /** A file or part of one begins; `atStart` where a byte order mark may stand. */
  readonly begin: (file: number, atStart: boolean) => void
}

/** `afterLines` is called between rows, whenever a batch of lines is scanned. */
export function createJsonRows(
  scanner: RowScanner,
  selection: ReturnType<typeof parseSelection>,
  mostLineBytes: number,
  afterLines: () => void,
): JsonRows {
  const extractor = createExtractor(selection, bufferBytes)
  const state = { file: 0, line: 0, atStart: false }
  const scanLines = (of: Extractor, bytes: number, base: number): void => {
    const { input } = of
    const utf8 = isUtf8(input.subarray(0, bytes))
    const mark = state.atStart && base === 0 && hasMark(input, bytes) ? 3 : 0
    input.fill(space, 0, mark)
    scanner.counts().bytes += bytes
    of.extract(bytes, (tables) => {
      const place = placer(of, tables, state, base, mark)
      const stretch = { scanner, selection, of, tables, line: state.line, utf8, place }
      scanner.counts().lines += tables.rowCount
      for (let row = 0; row < tables.rowCount; row++) scanRow(stretch, row)
      state.line += tables.rowCount
    })
    afterLines()
  }
  return {
    buffer: extractor.input,
    begin(file, atStart) {
      Object.assign(state, { file, line: 0, atStart })
      extractor.reset()
    },
    lines: (bytes, base) => scanLines(extractor, bytes, base),
    longLine(bytes, base, size) {
      if (bytes !== null) {
        const large = createExtractor(selection, bytes.length)
        large.input.set(bytes)
        scanLines(large, bytes.length, base)
        return
      }
      const counts = scanner.counts()
      counts.lines++
      counts.bytes += size
      const place = { file: state.file, row: ++state.line, recordStart: base, recordEnd: base + size }
      scanner.unreadable(place, 'line too long', `a line of ${size} bytes, more than ${mostLineBytes}`)
      afterLines()
    },
  }
}

/** Where a row stands, its bytes in the file. */
type Place = Pick<CorpusHit, 'file' | 'row' | 'recordStart' | 'recordEnd'>

/** Lines beyond this get an extractor of their own. */
const bufferBytes = 4 * 2 ** 20
const [space, carriageReturn] = [0x20, 0x0d]

const hasMark = (bytes: Uint8Array, length: number): boolean =>
  length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/** The rows of one filling of the tables. */
interface Stretch {
  readonly scanner: RowScanner
  readonly selection: ReturnType<typeof parseSelection>
  readonly of: Extractor
  readonly tables: RowTables
  /** Lines of the part before it. */
  readonly line: number
  /** All of its lines are UTF-8. */
  readonly utf8: boolean
  /** A row's place, and its bytes. */
  readonly place: (row: number) => { place: Place; record: Uint8Array }
}

/** Most rows need no place: it is found for the few that do. */
function placer(
  { input }: Extractor,
  { rows, memory }: RowTables,
  { file, line }: { file: number; line: number },
  base: number,
  mark: number,
): Stretch['place'] {
  return (row) => {
    const [start, feed] = [rows[4 * row] as number, rows[4 * row + 1] as number]
    const end = (memory[feed - 1] === carriageReturn && feed > start ? feed - 1 : feed) - input.byteOffset
    const from = start - input.byteOffset
    const first = from === 0 && line + row === 0 ? mark : from
    return {
      place: { file, row: line + row + 1, recordStart: base + first, recordEnd: base + end },
      record: input.subarray(first, end),
    }
  }
}

function scanRow(stretch: Stretch, row: number): void {
  const { scanner, of, tables, utf8, place } = stretch
  const { rows, rowCount, fields, fieldCount, memory } = tables
  const kind = rows[4 * row + 3]
  if (kind === rowKind.blank) return
  if (kind === rowKind.odd || (!utf8 && !isUtf8(place(row).record))) {
    scanOdd(stretch, row)
    return
  }
  const first = rows[4 * row + 2] as number
  const last = row + 1 < rowCount ? (rows[4 * row + 6] as number) : fieldCount
  let hits: { field: number; matches: FieldHit['matches'] }[] | null = null
  for (let field = first; field < last; field++) {
    const at = 5 * field
    const text = memory.subarray(fields[at + 3], fields[at + 4])
    const matches = scanner.scan(of.path(fields[at] as number), text)
    if (matches !== null) (hits ??= []).push({ field, matches })
  }
  scanner.endRow(stretch.line + row + 1, last - first)
  if (hits !== null) hitRow(stretch, row, first, hits)
}

function hitRow(
  { scanner, selection, tables, place }: Stretch,
  row: number,
  first: number,
  hits: readonly { field: number; matches: FieldHit['matches'] }[],
): void {
  const { fields, memory } = tables
  const found = place(row)
  const origin = found.record.byteOffset
  const record = found.record.slice()
  const paths = recordFields(record, selection)
  scanner.hit({
    ...hitOf(record, found.place),
    fields: hits.map(({ field, matches }) => ({
      path: paths[field - first]?.path ?? '',
      byteStart: (fields[5 * field + 1] as number) - origin,
      byteEnd: (fields[5 * field + 2] as number) - origin,
      text: memory.slice(fields[5 * field + 3], fields[5 * field + 4]),
      matches,
    })),
  })
}

function scanOdd({ scanner, selection, place: find }: Stretch, row: number): void {
  const { place, record: bytes } = find(row)
  const wrong = oddness(bytes)
  if (wrong !== null) {
    scanner.unreadable(place, ...wrong)
    return
  }
  const record = bytes.slice()
  const hits: FieldHit[] = []
  const found = recordFields(record, selection)
  for (const field of found) {
    const text = fieldText(record, field)
    const matches = scanner.scan(field.path.replaceAll(/\[\d+\]/g, '[]'), text)
    if (matches !== null) hits.push({ ...field, text: text.slice(), matches })
  }
  scanner.endRow(place.row, found.length)
  if (hits.length > 0) scanner.hit({ ...hitOf(record, place), fields: hits })
}

/** A record's own name, and where it stands. */
function hitOf(record: Uint8Array, place: Place): Omit<CorpusHit, 'fields'> {
  return { kind: 'hit', ...place, id: idOf(record), record }
}

function idOf(record: Uint8Array): string | null {
  const { id } = JSON.parse(new TextDecoder().decode(record)) as { id?: unknown }
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null
}
