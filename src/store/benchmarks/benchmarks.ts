import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import { locate } from '../bundled.ts'
import { cachedPath, defaultCache, readFetched, isWhole } from './cache.ts'
import { benchmarkNamed, unknownBenchmark } from './registry.ts'
import { type Columns, columnsSchema } from './schema.ts'
import { usualIds } from './usual-columns.ts'

/** A benchmark given by its file. */
export interface BenchmarkFile {
  /** Shown in verdicts; the file's name without extension by default. A name of the registry brings its columns. */
  readonly name?: string
  /** JSONL(.gz) or Parquet, one item a record. */
  readonly file: string
  /** Where the texts stand, with dots into structs: fields that are questions, or columns by what they are. By default
   *  those of the registry, else the usual names that an item has. */
  readonly fields?: readonly string[] | Partial<Columns>
}

/** A name of the registry whose files are in the cache, a file, or NAME=PATH; or the same as an object. */
export type BenchmarkChoice = string | BenchmarkFile

export interface CacheOption {
  /** Folder of fetched benchmarks; `defaultCache()` unless named. */
  readonly cache?: string
}

/** What a choice stands for: files with what they must hash to, and how they are read. */
export interface ChosenBenchmark {
  readonly name: string
  /** null: guessed, item by item. */
  readonly columns: Columns | null
  /** Items in which the columns find no question are read by the usual names. */
  readonly mayGuess: boolean
  readonly parts: readonly {
    readonly config: string
    readonly split: string
    readonly files: readonly { readonly path: string; readonly sha256: string | null }[]
  }[]
}

/** Finds the files of a choice; one that is not there is an error that says how to get it. */
export function chosenBenchmark(
  choice: BenchmarkChoice,
  { cache = defaultCache() }: CacheOption = {},
): ChosenBenchmark {
  if (typeof choice !== 'string') return fromFile(choice)
  if (benchmarkNamed(choice) !== null) return fromCache(choice, cache)
  const named = /^([\w.-]+)=(.+)$/s.exec(choice)
  if (named !== null && !existsSync(choice))
    return fromFile({ name: named[1] as string, file: named[2] as string })
  if (/[/\\]|\.(jsonl|ndjson|json|parquet)(\.(gz|zst))?$/.test(choice) || existsSync(choice))
    return fromFile({ file: choice })
  throw unknownBenchmark(choice)
}

/** What a benchmark holds and how it is read, as part of a run's identity. Read at once: a missing benchmark must stop a
 *  run before it spends. */
export function benchmarkIdentity(
  choice: BenchmarkChoice,
  options: CacheOption = {},
): { readonly name: string; readonly sha256: readonly string[]; readonly columns: Columns | null } {
  const { name, columns, parts } = chosenBenchmark(choice, options)
  const files = parts.flatMap((part) => part.files)
  return { name, columns, sha256: files.map(({ path, sha256 }) => sha256 ?? sha256At(path)) }
}

function fromFile({ name, file, fields }: BenchmarkFile): ChosenBenchmark {
  const path = locate(file)
  if (!existsSync(path)) {
    throw new FulcrumError(
      'data',
      `There is no benchmark file ${file}`,
      'Check the path; without the benchmark nothing can be said to be clean.',
    )
  }
  const known = name === undefined ? null : benchmarkNamed(name)
  const columns = fields === undefined ? (known?.columns ?? null) : columnsFrom(fields)
  return {
    name: name ?? basename(file).replace(/\.(jsonl|ndjson|json|parquet)(\.(gz|zst))?$/, ''),
    columns: columns?.question.length === 0 ? null : columns,
    mayGuess: fields === undefined,
    parts: [{ config: '', split: '', files: [{ path, sha256: null }] }],
  }
}

function columnsFrom(fields: readonly string[] | Partial<Columns>): Columns {
  const columns = isNames(fields) ? { question: [...fields] } : fields
  const parsed = columnsSchema.safeParse({ id: usualIds, ...columns })
  if (parsed.data !== undefined && parsed.data.question.length > 0) return parsed.data
  throw new FulcrumError(
    'config',
    `The fields ${JSON.stringify(fields)} of a benchmark name no question`,
    'Write { file, fields: ["question"] } or { file, fields: { question: [...], choices: [...] } }.',
  )
}

const isNames = (fields: readonly string[] | Partial<Columns>): fields is readonly string[] =>
  Array.isArray(fields)

function fromCache(choice: string, cache: string): ChosenBenchmark {
  const benchmark = benchmarkNamed(choice)
  if (benchmark === null) throw unknownBenchmark(choice)
  const { name, title, source, columns } = benchmark
  if (source.kind === 'unobtainable') {
    throw new FulcrumError(
      'data',
      `${title} cannot be fetched: ${source.reason}`,
      `If you have it, give the file: ${name}=PATH.`,
    )
  }
  const fetched = readFetched(cache, name)
  const parts = fetched.map((part) => ({
    config: part.config,
    split: part.split,
    files: part.files.map(({ path, sha256 }) => ({ path: cachedPath(cache, name, part, path), sha256 })),
  }))
  const lacking = parts.flatMap(({ files }) => files).filter(({ path }) => !existsSync(path))
  if (!isWhole(benchmark, fetched) || lacking.length > 0) {
    throw new FulcrumError(
      'data',
      `${title} is not${fetched.length > 0 ? ' wholly' : ''} in the cache ${cache}`,
      `Run fulcrum benchmarks fetch ${name}${source.gated ? ' with HF_TOKEN set' : ''}, or give a file: ${name}=PATH.`,
    )
  }
  return { name, columns, mayGuess: false, parts }
}

function sha256At(path: string): string {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch (cause) {
    throw new FulcrumError(
      'data',
      `Cannot read the benchmark ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Check the path; without the benchmark nothing can be said to be clean.',
      cause,
    )
  }
}
