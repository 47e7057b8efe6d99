import { readyZstd } from '../store/zstd.ts'
import { FulcrumError } from '../errors.ts'
import { openWhole } from '../store/whole-file.ts'
import { copyParquet, type MapRow } from '../store/parquet-copy.ts'
import { type ByteSource, DamagedFile, openPlain, openUnpacked, readyUnpacking } from './bytes.ts'
import { packerFor } from './pack.ts'

/** What becomes of a row of JSON lines: kept byte for byte, left out, or written as other bytes (a record without its
 *  line end). Rows count lines from 1, as a pass does; blank lines are kept and not asked about. */
export type KeepRow = (row: number, record: Uint8Array) => 'keep' | 'drop' | Uint8Array

export interface Copied {
  /** Of the file as written, hex. */
  readonly bytes: number
  readonly sha256: string
}

/** Writes the kept rows of a file of JSON lines to another, which appears whole or not at all: untouched rows byte for
 *  byte with their line ends, under the compression that the new name asks for. Equal rows give equal files; for .gz, on
 *  the same version of Node. */
export async function copyRows(path: string, keep: KeepRow, out: string): Promise<Copied> {
  await Promise.all([readyUnpacking(), readyZstd()])
  const source = /\.(gz|zst)$/.test(path) ? openUnpacked(path, noLimits) : openPlain(path)
  const file = await openWhole(out)
  const packer = packerFor(out)
  try {
    let line = 0
    for (const lines of wholeLines(source)) {
      const parts: Uint8Array[] = []
      line = keptParts(lines, line, keep, parts)
      for (const packed of packer.add(parts)) await file.append(packed)
    }
    for (const packed of packer.end()) await file.append(packed)
    return await file.commit()
  } catch (error) {
    await file.abort()
    if (!(error instanceof DamagedFile)) throw error
    throw new FulcrumError(
      'data',
      error.message,
      'Fetch or write the file again; nothing was written.',
      error,
    )
  } finally {
    source.close()
  }
}

/** The same for Parquet, where the rows' values are kept and the file's bytes are new; see copyParquet. */
export function copyParquetRows(path: string, mapRow: MapRow, out: string): Promise<Copied> {
  return copyParquet(path, mapRow, out)
}

/** The scan has set its limits already. */
const noLimits = { mostUnpackedBytes: Infinity, mostUnpackedRatio: Infinity }
const blockBytes = 2 ** 20
const [lineFeed, carriageReturn] = [0x0a, 0x0d]

/** Blocks of whole lines; the last line may lack its line feed. */
function* wholeLines(source: ByteSource): Generator<Buffer> {
  let rest: Buffer[] = []
  for (;;) {
    const block = Buffer.allocUnsafe(blockBytes)
    const bytes = source.read(block)
    if (bytes === 0) break
    const end = block.subarray(0, bytes).lastIndexOf(lineFeed) + 1
    if (end > 0) {
      yield Buffer.concat([...rest, block.subarray(0, end)])
      rest = []
    }
    if (end < bytes) rest.push(block.subarray(end, bytes))
  }
  if (rest.length > 0) yield Buffer.concat(rest)
}

/** Adds what is kept of some lines, neighbours in one piece; gives the number of the last line. */
function keptParts(lines: Buffer, before: number, keep: KeepRow, parts: Uint8Array[]): number {
  let line = before
  let kept = 0
  const flush = (to: number): void => {
    if (to > kept) parts.push(lines.subarray(kept, to))
  }
  for (let start = 0; start < lines.length;) {
    const feed = lines.indexOf(lineFeed, start)
    const next = feed < 0 ? lines.length : feed + 1
    const end = lineEnd(lines, start, feed < 0 ? lines.length : feed)
    const first =
      line++ === 0 && lines.readUIntBE(0, Math.min(3, lines.length)) === 0xefbbbf ? start + 3 : start
    const record = lines.subarray(first, end)
    if (!isBlank(record)) {
      const verdict = keep(line, record)
      if (verdict !== 'keep') {
        // A byte order mark belongs to the file and stays.
        flush(first)
        if (verdict !== 'drop') parts.push(verdict, lines.subarray(end, next))
        kept = next
      }
    }
    start = next
  }
  flush(lines.length)
  return line
}

const lineEnd = (lines: Buffer, start: number, feed: number): number =>
  feed > start && lines[feed - 1] === carriageReturn ? feed - 1 : feed

const isBlank = (record: Uint8Array): boolean =>
  record.every((byte) => byte === 0x20 || byte === 0x09 || byte === carriageReturn)
