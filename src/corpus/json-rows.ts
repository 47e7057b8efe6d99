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
  let state = { file: 0, line: 0, atStart: false }
  const scanLines = (of: Extractor, bytes: number, base: number): void => {
    const { input } = of
    const utf8 = isUtf8(input.subarray(0, bytes))
    const mark = state.atStart && base === 0 && hasMark(input, bytes) ? 3 : 0
    input.fill(space, 0, mark)
    scanner.counts().bytes += bytes
    of.extract(bytes, (tables) => {
      scanner.counts().lines += tables.rowCount
      for (let row = 0; row < tables.rowCount; row++) {
        state.line++
        const place = placeOf(of, tables, row, { ...state, base, mark })
        if (place === null) continue
        const odd = tables.rows[4 * row + 3] === rowKind.odd
        const record = odd || !utf8 ? input.subarray(place.recordStart - base, place.recordEnd - base) : null
        if (record !== null && (odd || !isUtf8(record))) scanOdd(scanner, selection, record, place)
        else scanRecord(scanner, selection, of, tables, row, place, base)
      }
    })
    afterLines()
  }
  return {
    buffer: extractor.input,
    begin(file, atStart) {
      state = { file, line: 0, atStart }
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

/** null for a blank line. */
function placeOf(
  { input }: Extractor,
  { rows, memory }: RowTables,
  row: number,
  { file, line, base, mark }: { file: number; line: number; base: number; mark: number },
): Place | null {
  if (rows[4 * row + 3] === rowKind.blank) return null
  const [start, feed] = [rows[4 * row] as number, rows[4 * row + 1] as number]
  const end = memory[feed - 1] === carriageReturn && feed > start ? feed - 1 : feed
  const from = start - input.byteOffset
  return {
    file,
    row: line,
    recordStart: base + from + (from === 0 ? mark : 0),
    recordEnd: base + end - input.byteOffset,
  }
}

function scanRecord(
  scanner: RowScanner,
  selection: ReturnType<typeof parseSelection>,
  of: Extractor,
  { rows, rowCount, fields, fieldCount, memory }: RowTables,
  row: number,
  place: Place,
  base: number,
): void {
  const first = rows[4 * row + 2] as number
  const last = row + 1 < rowCount ? (rows[4 * row + 6] as number) : fieldCount
  let hits: { field: number; matches: FieldHit['matches'] }[] | null = null
  for (let field = first; field < last; field++) {
    const at = 5 * field
    const text = memory.subarray(fields[at + 3], fields[at + 4])
    const matches = scanner.scan(of.path(fields[at] as number), text)
    if (matches !== null) (hits ??= []).push({ field, matches })
  }
  scanner.endRow(place.row, last - first)
  if (hits === null) return
  const record = of.input.slice(place.recordStart - base, place.recordEnd - base)
  const paths = recordFields(record, selection)
  const origin = of.input.byteOffset + place.recordStart - base
  scanner.hit({
    ...hitOf(record, place),
    fields: hits.map(({ field, matches }) => ({
      path: paths[field - first]?.path ?? '',
      byteStart: (fields[5 * field + 1] as number) - origin,
      byteEnd: (fields[5 * field + 2] as number) - origin,
      text: memory.slice(fields[5 * field + 3], fields[5 * field + 4]),
      matches,
    })),
  })
}

function scanOdd(
  scanner: RowScanner,
  selection: ReturnType<typeof parseSelection>,
  bytes: Uint8Array,
  place: Place,
): void {
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
