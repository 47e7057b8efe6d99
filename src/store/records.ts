import { createReadStream, existsSync } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { FulcrumError } from '../errors.ts'
import { readParquet } from './parquet-reader.ts'

/** One record of an input file, or what is wrong with it. */
export interface SourceRecord {
  readonly file: string
  /** Line of a text file or row of a Parquet file, from 1. */
  readonly line: number
  readonly value: Readonly<Record<string, unknown>> | null
  readonly error: string | null
}

/** Records of JSONL (.jsonl, .ndjson, .json with one object a line; each also .gz) and Parquet files, by extension.
 *  A malformed line is a record with an error: the reader decides how many to bear. */
export async function* readRecords(path: string): AsyncGenerator<SourceRecord> {
  if (!existsSync(path)) {
    throw new FulcrumError(
      'data',
      `There is no file ${path}`,
      'Check the path; it is taken from the folder you run in.',
    )
  }
  if (/\.parquet$/.test(path)) {
    let line = 0
    for await (const value of readParquet(path)) yield { file: path, line: ++line, value, error: null }
    return
  }
  if (!/\.(jsonl|ndjson|json)(\.gz)?$/.test(path)) {
    throw new FulcrumError('data', `${path} has no known extension`, 'Use .jsonl, .jsonl.gz or .parquet.')
  }
  yield* readLines(path)
}

async function* readLines(path: string): AsyncGenerator<SourceRecord> {
  let line = 0
  for await (const bytes of lines(path)) {
    line++
    const text = bytes.toString('utf8').replace(line === 1 ? /^\uFEFF/ : /$^/, '')
    if (text.trim() === '') continue
    yield { file: path, line, ...parse(text) }
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

/** Raw lines; a line may be of any length and the last one may lack its line feed. */
async function* lines(path: string): AsyncGenerator<Buffer> {
  const stream = createReadStream(path)
  const source = path.endsWith('.gz') ? stream.pipe(createGunzip()) : stream
  let rest: Buffer[] = []
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      let start = 0
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
        const part = chunk.subarray(start, end)
        yield rest.length === 0 ? part : Buffer.concat([...rest, part])
        rest = []
        start = end + 1
      }
      if (start < chunk.length) rest.push(Buffer.from(chunk.subarray(start)))
    }
  } catch (cause) {
    if (cause instanceof FulcrumError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new FulcrumError('data', `Cannot read ${path}: ${reason}`, 'Fetch or write the file again.', cause)
  }
  if (rest.length > 0) yield Buffer.concat(rest)
}
