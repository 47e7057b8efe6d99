import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { sha256OfFile, writeWhole } from '../files.ts'
import { readRecords } from '../records.ts'
import type { Benchmark } from './schema.ts'

const hex = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${length}}$`))

/** What a fetch found of one part, and every later one must find again. */
const fetchedPartSchema = z.strictObject({
  dataset: z.string(),
  commit: hex(40),
  config: z.string(),
  split: z.string(),
  rows: z.int().positive(),
  files: z.array(z.strictObject({ path: z.string(), bytes: z.int().nonnegative(), sha256: hex(64) })).min(1),
})
const fetchedSchema = z.strictObject({ benchmark: z.string(), parts: z.array(fetchedPartSchema) })
const lockSchema = z.record(z.string(), z.array(fetchedPartSchema))

export type FetchedPart = z.output<typeof fetchedPartSchema>

/** Where fetched benchmarks lie unless another folder is named. */
export const defaultCache = (): string => join(homedir(), '.cache/fulcrum/benchmarks')

/** A part's file in the cache. */
export const cachedPath = (
  cache: string,
  name: string,
  { dataset }: { dataset: string },
  path: string,
): string => join(cache, name, dataset.replace('/', '--'), path)

/** What the cache says it has of a benchmark; none where nothing was fetched. */
export function readFetched(cache: string, name: string): readonly FetchedPart[] {
  const path = recordPath(cache, name)
  return existsSync(path) ? parse(path, fetchedSchema).parts : []
}

export const writeFetched = (cache: string, name: string, parts: readonly FetchedPart[]): Promise<void> =>
  writeWhole(recordPath(cache, name), `${JSON.stringify({ benchmark: name, parts }, null, 2)}\n`)

/** A lock file: what was found, by benchmark, to be committed with a project. None where the file is not there yet. */
export const readLock = (path: string): Readonly<Record<string, readonly FetchedPart[]>> =>
  existsSync(path) ? parse(path, lockSchema) : {}

/** Adds or replaces one benchmark in a lock file. */
export async function writeLock(path: string, name: string, parts: readonly FetchedPart[]): Promise<void> {
  const locked = Object.entries({ ...readLock(path), [name]: parts }).sort(([a], [b]) => (a < b ? -1 : 1))
  await writeWhole(path, `${JSON.stringify(Object.fromEntries(locked), null, 2)}\n`)
}

/** What is wrong with a benchmark in the cache: files that are missing or changed, other rows than recorded. */
export async function verifyFetched(cache: string, name: string): Promise<string[]> {
  const problems: string[] = []
  for (const part of readFetched(cache, name)) {
    const paths = part.files.map(({ path }) => cachedPath(cache, name, part, path))
    const found = await Promise.all(part.files.map((file, i) => fileProblem(paths[i] as string, file.sha256)))
    const wrong = found.filter((problem) => problem !== null)
    problems.push(...wrong)
    if (wrong.length > 0) continue
    const rows = await countRows(paths)
    if (rows !== part.rows)
      problems.push(`${part.config}/${part.split} has ${rows} rows, recorded are ${part.rows}`)
  }
  return problems
}

/** Whether a file of the cache is what was recorded; the problem if not. */
export async function fileProblem(path: string, sha256: string): Promise<string | null> {
  if (!existsSync(path)) return `${path} is missing`
  const found = await sha256OfFile(path)
  return found === sha256 ? null : `${path} has sha256 ${found}, recorded is ${sha256}`
}

/** Items of files; a line that is no record is an error. */
export async function countRows(paths: readonly string[]): Promise<number> {
  let rows = 0
  for (const path of paths) {
    for await (const { line, error } of readRecords(path)) {
      if (error !== null)
        throw new FulcrumError('data', `${path}:${line} is no item: ${error}`, 'Report it to the dataset.')
      rows++
    }
  }
  return rows
}

/** Whether every part that the registry lists is in the cache. */
export const isWhole = (benchmark: Benchmark, parts: readonly FetchedPart[]): boolean =>
  benchmark.parts.length > 0 &&
  benchmark.parts.every((part) => parts.some((fetched) => isSamePart(fetched, part, benchmark)))

export const isSamePart = (
  fetched: FetchedPart,
  part: Benchmark['parts'][number],
  { source }: Benchmark,
): boolean =>
  source.kind === 'hub' &&
  fetched.dataset === (part.dataset ?? source.dataset) &&
  fetched.config === part.config &&
  fetched.split === part.split

const recordPath = (cache: string, name: string): string => join(cache, name, 'fetched.json')

function parse<T>(path: string, schema: z.ZodType<T>): T {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new FulcrumError('data', `${path} is no JSON`, 'Remove it and fetch again.', cause)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new FulcrumError('data', `${path}: ${z.prettifyError(parsed.error)}`, 'Remove it and fetch again.')
}
