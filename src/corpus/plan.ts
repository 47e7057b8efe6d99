import { statSync } from 'node:fs'
import { FulcrumError } from '../errors.ts'
import { parquetInfo } from '../store/parquet-reader.ts'

/** A corpus file: .jsonl, .ndjson or .json with one object a line, each also .gz or .zst; or .parquet. */
export interface CorpusFile {
  readonly path: string
}

/** A stretch of a file that is read on its own: lines that begin in a range of bytes, row groups, or a whole packed
 *  file. */
export interface CorpusSlice {
  /** Place in the list of files. */
  readonly file: number
  readonly path: string
  readonly kind: 'lines' | 'packed' | 'parquet'
  /** Bytes of lines, or row groups of Parquet; of a packed file 0 and 1. */
  readonly start: number
  readonly end: number
  /** Bytes on disk, for progress and for dealing out work. */
  readonly bytes: number
}

/** Bytes of lines that a worker claims at a time: large against the cost of a claim, small against the cache and the
 *  memory of results. */
export const rangeBytes = 2 ** 20

/** One slice for each file. All files that are missing or of an unknown kind are named at once. */
export async function sliceFiles(files: readonly CorpusFile[]): Promise<CorpusSlice[]> {
  if (files.length === 0)
    throw new FulcrumError('config', 'No corpus file is named', 'Name one: --corpus FILE...')
  const wrong = files.flatMap(({ path }) => problem(path) ?? [])
  if (wrong.length > 0)
    throw new FulcrumError(
      'data',
      wrong.join('; '),
      'Give .jsonl, .ndjson or .json with one object a line, each also .gz or .zst, or .parquet; paths are taken from the folder you run in.',
    )
  return Promise.all(files.map(({ path }, file) => sliceFile(path, file)))
}

/** Parts that workers claim: 1 MB of lines, a row group, a packed file. */
export function partsOf({ kind, start, end }: CorpusSlice): number {
  return kind === 'lines' ? Math.max(1, Math.ceil((end - start) / rangeBytes)) : end - start
}

/** Deals slices out into units of at least so many bytes on disk, in order; lines and row groups may be parted, packed
 *  files not. */
export function unitsOf(slices: readonly CorpusSlice[], unitBytes: number): CorpusSlice[][] {
  const units: CorpusSlice[][] = []
  let unit: CorpusSlice[] = []
  let bytes = 0
  for (const slice of slices.flatMap((whole) => splitSlice(whole, unitBytes))) {
    unit.push(slice)
    bytes += slice.bytes
    if (bytes < unitBytes) continue
    units.push(unit)
    unit = []
    bytes = 0
  }
  return unit.length > 0 ? [...units, unit] : units
}

function splitSlice(slice: CorpusSlice, bytes: number): CorpusSlice[] {
  if (slice.kind === 'packed' || slice.bytes <= bytes) return [slice]
  const size = slice.end - slice.start
  const step = Math.max(1, Math.floor((size * bytes) / slice.bytes))
  const split: CorpusSlice[] = []
  for (let start = slice.start; start < slice.end; start += step) {
    const end = Math.min(slice.end, start + step)
    split.push({ ...slice, start, end, bytes: Math.round((slice.bytes * (end - start)) / size) })
  }
  return split
}

async function sliceFile(path: string, file: number): Promise<CorpusSlice> {
  const bytes = statSync(path).size
  if (path.endsWith('.parquet')) {
    const { rowGroups } = await parquetInfo(path)
    return { file, path, kind: 'parquet', start: 0, end: rowGroups, bytes }
  }
  if (/\.(gz|zst)$/.test(path)) return { file, path, kind: 'packed', start: 0, end: 1, bytes }
  return { file, path, kind: 'lines', start: 0, end: bytes, bytes }
}

function problem(path: string): string | null {
  if (!/\.((jsonl|ndjson|json)(\.(gz|zst))?|parquet)$/.test(path)) return `${path} has no known extension`
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return `there is no file ${path}`
  return stat.isFile() ? null : `${path} is not a file`
}
