import { isUtf8 } from 'node:buffer'
import type { CorpusHit, FieldHit } from './events.ts'
import { createExtractor, type Extractor, rowKind, type RowTables } from './extractor.ts'
import { fieldText, recordFields } from './fields.ts'
import type { LineSink } from './lines.ts'
import type { RowScanner } from './row-scanner.ts'
import type { parseSelection } from './selection.ts'

/** Scans lines of JSON; what is unusual about a line is decided by JSON.parse. */
export interface JsonRows extends LineSink {
  /** Where lines are read into. */
  readonly buffer: Uint8Array
  /** A file or part of one begins; `atStart` where a byte order mark may stand. */
  readonly begin: (file: number, atStart: boolean) => void
}

/** Called when a batch of lines is scanned, between rows. */
type AfterLines = () => void

export function createJsonRows(
  scanner: RowScanner,
  selection: ReturnType<typeof parseSelection>,
  mostLineBytes: number,
  afterLines: AfterLines,
): JsonRows {
  const extractor = createExtractor(selection, bufferBytes)
  let [file, line, atStart] = [0, 0, false]

  const scanLines = (of: Extractor, bytes: number, base: number): void => {
    const utf8 = isUtf8(of.input.subarray(0, bytes))
    const bom = atStart && base === 0 && hasMark(of.input, bytes) ? 3 : 0
    if (bom > 0) of.input.fill(space, 0, bom)
    const counts = scanner.counts()
    counts.bytes += bytes
    of.extract(bytes, (tables) => {
      for (let row = 0; row < tables.rowCount; row++) scanRow(of, tables, row, base, bom, utf8)
    })
    afterLines()
  }

  function scanRow(
    of: Extractor,
    tables: RowTables,
    row: number,
    base: number,
    bom: number,
    utf8: boolean,
  ): void {
    line++
    scanner.counts().lines++
    const { rows, fields, memory } = tables
    const kind = rows[4 * row + 3] as number
    if (kind === rowKind.blank) return
    const origin = of.input.byteOffset
    const start = rows[4 * row] as number
    const end = lineEnd(memory, start, rows[4 * row + 1] as number)
    const [from, to] = [start - origin, end - origin]
    const place = {
      file,
      row: line,
      recordStart: base + from + (from === 0 ? bom : 0),
      recordEnd: base + to,
    }
    if (kind === rowKind.odd || !utf8) {
      const record = of.input.subarray(place.recordStart - base, to)
      if (kind === rowKind.odd || !isUtf8(record)) {
        oddRow(record, place)
        return
      }
    }
    const first = rows[4 * row + 2] as number
    const last = row + 1 < tables.rowCount ? (rows[4 * row + 6] as number) : tables.fieldCount
    let hits: { field: number; matches: FieldHit['matches'] }[] | null = null
    for (let field = first; field < last; field++) {
      const at = 5 * field
      const text = memory.subarray(fields[at + 3], fields[at + 4])
      scanner.counts().textBytes += text.length
      const matches = scanner.scan(of.path(fields[at] as number), text)
      if (matches !== null) (hits ??= []).push({ field, matches })
    }
    scanner.endRow(line, last - first, () => memory.subarray(fields[5 * first + 3], fields[5 * last - 1]))
    if (hits === null) return
    const record = memory.slice(origin + place.recordStart - base, end)
    const paths = recordFields(record, selection)
    const shift = origin + place.recordStart - base
    scanner.hit({
      ...hitOf(record, place),
      fields: hits.map(({ field, matches }) => ({
        path: paths[field - first]?.path ?? '',
        byteStart: (fields[5 * field + 1] as number) - shift,
        byteEnd: (fields[5 * field + 2] as number) - shift,
        text: memory.slice(fields[5 * field + 3], fields[5 * field + 4]),
        matches,
      })),
    })
  }

  function oddRow(record: Uint8Array, place: Place): void {
    const wrong = reasonOf(record)
    if (wrong !== null) {
      if (wrong !== 'blank') scanner.unreadable(place, ...wrong)
      return
    }
    const whole = record.slice()
    const texts: Uint8Array[] = []
    const hits: FieldHit[] = []
    for (const field of recordFields(whole, selection)) {
      const text = fieldText(whole, field)
      scanner.counts().textBytes += text.length
      const matches = scanner.scan(field.path.replaceAll(/\[\d+\]/g, '[]'), text)
      if (matches !== null) hits.push({ ...field, text: text.slice(), matches })
      texts.push(text, newLine)
    }
    scanner.endRow(place.row, texts.length / 2, () => Buffer.concat(texts.slice(0, -1)))
    if (hits.length > 0) scanner.hit({ ...hitOf(whole, place), fields: hits })
  }

  return {
    buffer: extractor.input,
    begin(newFile, isStart) {
      file = newFile
      line = 0
      atStart = isStart
      extractor.reset()
    },
    lines: (bytes, base) => scanLines(extractor, bytes, base),
    longLine(bytes, base, size) {
      if (bytes === null) {
        line++
        const counts = scanner.counts()
        counts.lines++
        counts.bytes += size
        const place = { file, row: line, recordStart: base, recordEnd: base + size }
        scanner.unreadable(place, 'line too long', `a line of ${size} bytes, more than ${mostLineBytes}`)
        afterLines()
        return
      }
      const large = createExtractor(selection, bytes.length)
      large.input.set(bytes)
      scanLines(large, bytes.length, base)
    },
  }
}

type Place = Pick<CorpusHit, 'file' | 'row' | 'recordStart' | 'recordEnd'>

/** Lines beyond this get an extractor of their own. */
const bufferBytes = 4 * 2 ** 20
const [space, carriageReturn] = [0x20, 0x0d]
const newLine = Uint8Array.of(0x0a)
/** JSON.parse takes any depth; what reads the records later need not. */
const mostDepth = 512

const hasMark = (bytes: Uint8Array, length: number): boolean =>
  length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

const lineEnd = (memory: Uint8Array, start: number, feed: number): number =>
  feed > start && memory[feed - 1] === carriageReturn ? feed - 1 : feed

/** Why a line cannot be read, 'blank', or null. */
function reasonOf(record: Uint8Array): [UnreadableRowReason, string] | 'blank' | null {
  if (!isUtf8(record)) return ['not UTF-8', `not UTF-8 from byte ${validBytes(record) + 1} of the line on`]
  if (depthOf(record) > mostDepth) return ['nested too deeply', `nested more than ${mostDepth} levels deep`]
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(record))
  } catch (error) {
    return ['not JSON', error instanceof Error ? error.message : String(error)]
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return null
  return ['not a JSON object', 'a JSON value that is not an object']
}
type UnreadableRowReason = Parameters<RowScanner['unreadable']>[1]

/** Bytes of the longest valid beginning. */
function validBytes(bytes: Uint8Array): number {
  let [good, bad] = [0, bytes.length]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    // The middle may part a character: then its beginning, up to three bytes, does not count against it.
    const whole = [0, 1, 2, 3].some((back) => isUtf8(bytes.subarray(0, middle - back)))
    if (whole) good = middle
    else bad = middle
  }
  return good
}

/** A bound of the nesting, strings aside: brackets in strings may only raise it where they are many. */
function depthOf(record: Uint8Array): number {
  let [depth, most, inString] = [0, 0, false]
  for (let i = 0; i < record.length; i++) {
    const byte = record[i]
    if (inString) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inString = false
    } else if (byte === 0x22) inString = true
    else if (byte === 0x7b || byte === 0x5b) most = Math.max(most, ++depth)
    else if (byte === 0x7d || byte === 0x5d) depth--
  }
  return most
}

/** A record's own name, and where it stands. */
function hitOf(record: Uint8Array, place: Place): Omit<CorpusHit, 'fields'> {
  return { kind: 'hit', ...place, id: idOf(record), record }
}

function idOf(record: Uint8Array): string | null {
  const { id } = JSON.parse(new TextDecoder().decode(record)) as { id?: unknown }
  return typeof id === 'string' || typeof id === 'number' ? String(id) : null
}
