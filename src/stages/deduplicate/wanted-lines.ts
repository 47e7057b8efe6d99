import type { ByteSource } from '../../corpus/bytes.ts'

/** A line of a text file without its line feed; the bytes are good until the next is asked for. */
export interface WantedLine {
  /** From 1, blank lines counted. */
  readonly row: number
  readonly bytes: Uint8Array
}

/** The lines of the given rows, ascending; reading ends with the last of them. Lines that are not wanted are passed over
 *  whatever their length. */
export function* wantedLines(source: ByteSource, rows: Iterable<number>): Generator<WantedLine> {
  const pending = rows[Symbol.iterator]()
  let next = pending.next()
  let buffer = Buffer.alloc(bufferBytes)
  let [filled, row, ended] = [0, 1, false]
  while (next.done !== true && !ended) {
    const bytes = source.read(buffer.subarray(filled))
    ended = bytes === 0
    filled += bytes
    let start = 0
    while (next.done !== true && start < filled) {
      const feed = buffer.subarray(0, filled).indexOf(lineFeed, start)
      if (feed < 0 && !ended) break
      const end = feed < 0 ? filled : feed
      if (row === next.value) {
        yield { row, bytes: buffer.subarray(start, end) }
        next = pending.next()
      }
      start = end + 1
      row++
    }
    if (next.done === true) return
    // What is left begins an open line: kept only if it is wanted.
    if (row === next.value) {
      buffer.copyWithin(0, start, filled)
      filled = Math.max(0, filled - start)
      if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length)
    } else {
      filled = 0
    }
  }
}

const lineFeed = 0x0a
const bufferBytes = 2 ** 22
