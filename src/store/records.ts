import { constants, isUtf8 } from 'node:buffer'
import { createReadStream, existsSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { FulcrumError } from '../errors.ts'
import { readParquet } from './parquet-reader.ts'
import { openUnpacked, readyUnpacking } from './unpacked.ts'

/** One record of an input file, or what is wrong with it. */
export interface SourceRecord {
  readonly file: string
  /** Line of a text file or row of a Parquet file, from 1. */
  readonly line: number
  readonly value: Readonly<Record<string, unknown>> | null
  readonly error: string | null
}

export interface ReadRecordsOptions {
  /** Lines of more bytes are malformed; by default what a JavaScript string can hold (about 512 MiB). */
  readonly mostLineBytes?: number
}

/** Records of JSONL (.jsonl, .ndjson, .json with one object a line; each also .gz, .zst) and Parquet files, by extension.
 *  A malformed line is a record with an error: the reader decides how many to bear. */
export async function* readRecords(
  path: string,
  { mostLineBytes = constants.MAX_STRING_LENGTH }: ReadRecordsOptions = {},
): AsyncGenerator<SourceRecord> {
  if (!existsSync(path)) {
    throw new FulcrumError(
      'data',
      `There is no file ${path}`,
      'Check the path; it is taken from the folder you run in.',
    )
  }
  if (path.endsWith('.parquet')) {
    let line = 0
    for await (const value of readParquet(path)) yield { file: path, line: ++line, value, error: null }
    return
  }
  if (!/\.(jsonl|ndjson|json)(\.(gz|zst))?$/.test(path)) {
    const hint = 'Use .jsonl, .jsonl.gz, .jsonl.zst or .parquet.'
    throw new FulcrumError('data', `${path} has no known extension`, hint)
  }
  let line = 0
  for await (const { bytes, size } of lines(path, mostLineBytes)) {
    line++
    if (bytes === null)
      yield { file: path, line, value: null, error: `a line of ${size} bytes, more than ${mostLineBytes}` }
    else if (!isUtf8(bytes)) yield { file: path, line, value: null, error: 'not UTF-8' }
    else {
      // A byte order mark belongs to the file, not to its first record. JSON takes the \r of a CRLF as white space.
      const text = line === 1 ? bytes.toString('utf8').replace(/^\uFEFF/, '') : bytes.toString('utf8')
      if (text.trim() !== '') yield { file: path, line, ...parse(text) }
    }
  }
}

function parse(text: string): Pick<SourceRecord, 'value' | 'error'> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return { value: value as Record<string, unknown>, error: null }
    }
    return { value: null, error: 'not a JSON object' }
  } catch (error) {
    return { value: null, error: error instanceof Error ? error.message : String(error) }
  }
}

interface Line {
  /** null: longer than allowed, and not kept. */
  readonly bytes: Buffer | null
  readonly size: number
}

/** Raw lines; the last one may lack its line feed. */
async function* lines(path: string, mostBytes: number): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let size = 0
  const take = (part: Buffer): void => {
    size += part.length
    if (size <= mostBytes) parts.push(part)
    else parts = []
  }
  const line = (): Line => {
    const whole = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
    const found = { bytes: size > mostBytes ? null : whole, size }
    parts = []
    size = 0
    return found
  }
  for await (const chunk of chunks(path)) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      take(chunk.subarray(start, end))
      yield line()
      start = end + 1
    }
    if (start < chunk.length) take(chunk.subarray(start))
  }
  if (size > 0) yield line()
}

async function* chunks(path: string): AsyncGenerator<Buffer> {
  if (path.endsWith('.zst')) {
    yield* unpackedChunks(path)
    return
  }
  const stream = createReadStream(path)
  const unpacked = path.endsWith('.gz') ? pipeline(stream, createGunzip(), () => undefined) : stream
  try {
    for await (const chunk of unpacked as AsyncIterable<Buffer>) yield chunk
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FulcrumError('data', `Cannot read ${path}: ${reason}`, 'Fetch or write the file again.', cause)
  }
}

/** Node has a decoder of its own from 22.15 on only. */
async function* unpackedChunks(path: string): AsyncGenerator<Buffer> {
  await readyUnpacking()
  const source = openUnpacked(path, { mostUnpackedBytes: Infinity, mostUnpackedRatio: Infinity })
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafe(2 ** 16)
      const bytes = source.read(chunk)
      if (bytes === 0) return
      yield chunk.subarray(0, bytes)
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FulcrumError('data', `Cannot read ${reason}`, 'Fetch or write the file again.', cause)
  } finally {
    source.close()
  }
}
