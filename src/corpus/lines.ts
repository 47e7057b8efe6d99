import type { ByteSource } from './bytes.ts'

/** Lines that begin in [start, end) of a file, wherever the last one ends. */
export interface LineRange {
  readonly start: number
  readonly end: number
}

export interface LineSink {
  /** Whole lines at the start of the buffer; `base` is the place of its first byte in the file. */
  readonly lines: (bytes: number, base: number) => void
  /** A line that the buffer does not hold; null where it is longer than allowed. */
  readonly longLine: (line: Uint8Array | null, base: number, size: number) => void
}

/** Where reading for a range must begin: one byte early, to see whether a line begins with the range. */
export const readFrom = ({ start }: LineRange): number => Math.max(0, start - 1)

/** Reads the lines of a range through `buffer`; the source stands at `readFrom(range)`. */
export function readLines(
  source: ByteSource,
  range: LineRange,
  buffer: Uint8Array,
  mostLineBytes: number,
  sink: LineSink,
): void {
  let filled = 0
  let base = readFrom(range)
  const drop = (bytes: number): void => {
    buffer.copyWithin(0, bytes, filled)
    base += bytes
    filled -= bytes
  }
  const fill = (): boolean => {
    // Up to the end of the range, then in steps: what lies behind it is the next one's.
    const rest = range.end - base - filled
    const bytes = source.read(buffer.subarray(filled, filled + (rest > 0 ? rest : tailBytes)))
    filled += bytes
    return bytes > 0
  }

  if (range.start > 0 && !firstLine()) return
  while (base < range.end) {
    const whole = wholeLines(buffer, filled, range.end - base)
    if (whole > 0) {
      sink.lines(whole, base)
      drop(whole)
    } else if (filled === buffer.length) longLine()
    else if (!fill()) {
      if (filled > 0) sink.lines(filled, base)
      return
    }
  }

  /** Drops the end of the line before; false where no line begins in the range. */
  function firstLine(): boolean {
    for (let feed = -1; feed < 0;) {
      if (base >= range.end || !fill()) return false
      feed = buffer.subarray(0, filled).indexOf(lineFeed)
      drop(feed < 0 ? filled : feed + 1)
    }
    return true
  }

  function longLine(): void {
    let parts: Uint8Array[] = []
    let size = 0
    let feed = -1
    for (let more = true; more && feed < 0;) {
      feed = buffer.subarray(0, filled).indexOf(lineFeed)
      const bytes = feed < 0 ? filled : feed
      size += bytes
      if (size <= mostLineBytes) parts.push(buffer.slice(0, bytes))
      else parts = []
      if (feed < 0) {
        base += filled
        filled = source.read(buffer)
        more = filled > 0
      }
    }
    sink.longLine(size <= mostLineBytes ? Buffer.concat(parts) : null, base + Math.max(feed, 0) - size, size)
    drop(feed + 1)
  }
}

const lineFeed = 0x0a
const tailBytes = 65536

/** Bytes of the whole lines that begin before `end`, up to the last line feed there is. */
function wholeLines(buffer: Uint8Array, filled: number, end: number): number {
  const there = Buffer.from(buffer.buffer, buffer.byteOffset, filled)
  const last = filled >= end ? there.indexOf(lineFeed, end - 1) : -1
  return (last >= 0 ? last : there.lastIndexOf(lineFeed)) + 1
}
