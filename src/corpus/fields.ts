import { isWanted, type parseSelection, type Step, stepPath } from './selection.ts'

/** A string value of a record. */
export interface RecordField {
  /** `text`, `messages[2].content` */
  readonly path: string
  /** Bytes of the record between the string's quotes, escapes and all. */
  readonly byteStart: number
  readonly byteEnd: number
}

/** The wanted string values of a record that is known to be JSON, in their order, also those of repeated keys. Stops
 *  before the first that begins at or after `until`. */
export function recordFields(
  record: Uint8Array,
  selection: ReturnType<typeof parseSelection> = 'all',
  until = Infinity,
): RecordField[] {
  const fields: RecordField[] = []
  /** Open objects and arrays around the place. */
  const levels: { readonly path: string; readonly steps: readonly Step[]; item: number }[] = []
  let place: { path: string; steps: readonly Step[] } = { path: '', steps: [] }
  const nextItem = (): void => {
    const level = levels.at(-1)
    if (level === undefined || level.item < 0) return
    place = { path: stepPath(level.path, null, level.item++), steps: [...level.steps, null] }
  }
  for (let at = 0; at < record.length && at < until; at++) {
    const byte = record[at]
    if (byte === quote) {
      const end = stringEnd(record, at + 1)
      const level = levels.at(-1)
      let next = end + 1
      while (isWhite(record[next])) next++
      if (level !== undefined && level.item < 0 && record[next] === colon) {
        const step = keyOf(record, at, end)
        place = { path: stepPath(level.path, step), steps: [...level.steps, step] }
        at = next
      } else {
        if (isWanted(selection, place.steps))
          fields.push({ path: place.path, byteStart: at + 1, byteEnd: end })
        at = end
      }
    } else if (byte === openObject) levels.push({ ...place, item: -1 })
    else if (byte === openArray) {
      levels.push({ ...place, item: 0 })
      nextItem()
    } else if (byte === closeObject || byte === closeArray) levels.pop()
    else if (byte === comma) nextItem()
  }
  return fields
}

/** The text of a field, as UTF-8: escapes are resolved; a lone surrogate, which no UTF-8 can hold, is U+FFFD. */
export function fieldText(
  record: Uint8Array,
  { byteStart, byteEnd }: Pick<RecordField, 'byteStart' | 'byteEnd'>,
): Uint8Array {
  const raw = record.subarray(byteStart, byteEnd)
  if (!raw.includes(backslash)) return raw
  return Buffer.from(JSON.parse(`"${decoder.decode(raw)}"`) as string)
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const [quote, colon, comma, backslash] = [0x22, 0x3a, 0x2c, 0x5c]
const [openObject, closeObject, openArray, closeArray] = [0x7b, 0x7d, 0x5b, 0x5d]

const isWhite = (byte: number | undefined): boolean =>
  byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a

function keyOf(record: Uint8Array, from: number, end: number): string {
  return JSON.parse(decoder.decode(record.subarray(from, end + 1))) as string
}

function stringEnd(record: Uint8Array, from: number): number {
  for (let end = record.indexOf(quote, from); end >= 0; end = record.indexOf(quote, end + 1)) {
    let slashes = 0
    while (record[end - 1 - slashes] === backslash) slashes++
    if (slashes % 2 === 0) return end
  }
  throw new Error('a record that was JSON has a string without an end')
}
