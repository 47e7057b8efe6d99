import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { FulcrumError } from '../../errors.ts'
import type { Hub } from '../hub/connection.ts'
import { download } from '../hub/download.ts'
import { type HubFile, listFiles, resolveRevision } from '../hub/repository.ts'
import {
  cachedPath,
  countRows,
  type FetchedPart,
  fileProblem,
  isSamePart,
  readFetched,
  readLock,
  writeFetched,
  writeLock,
} from './cache.ts'
import type { Benchmark, BenchmarkPart } from './schema.ts'
import { splitFiles } from './split-files.ts'

export interface FetchOptions {
  readonly cache: string
  /** Lock file whose content is binding, and to which is added what it has not yet. */
  readonly pin?: string | undefined
  /** Asks again for the newest commit, and forgets what was recorded in the cache. A lock file stays binding. */
  readonly update?: boolean
  /** A file that is being fetched, by its path in the dataset. */
  readonly watch?: (path: string, bytes: number, of: number) => void
}

/** Fetches every part of a benchmark into the cache. The first fetch records commit, rows and sha256; later ones must
 *  find the same. Parts that are there and whole are not fetched again. */
export async function fetchBenchmark(
  hub: Hub,
  benchmark: Benchmark,
  options: FetchOptions,
): Promise<readonly FetchedPart[]> {
  const { name, title, source } = benchmark
  if (source.kind === 'unobtainable') {
    throw new FulcrumError(
      'data',
      `${title} cannot be fetched: ${source.reason}`,
      `If you have it, give the file: ${name}=PATH.`,
    )
  }
  const locked = options.pin === undefined ? [] : (readLock(options.pin)[name] ?? [])
  const known = [...locked, ...(options.update === true ? [] : readFetched(options.cache, name))]
  const parts: FetchedPart[] = []
  for (const part of benchmark.parts) {
    const expected = known.find((fetched) => isSamePart(fetched, part, benchmark))
    parts.push(await fetchPart(hub, { benchmark, source, part, expected: expected ?? null }, options))
    // After each part, so that a fetch that is cut off goes on where it stopped.
    const rest = known.filter((fetched) => !parts.some((done) => samePlace(done, fetched)))
    await writeFetched(options.cache, name, [
      ...parts,
      ...rest.filter((fetched) => !locked.includes(fetched)),
    ])
  }
  if (options.pin !== undefined) await writeLock(options.pin, name, parts)
  return parts
}

interface Wanted {
  readonly benchmark: Benchmark
  readonly source: Extract<Benchmark['source'], { kind: 'hub' }>
  readonly part: BenchmarkPart
  /** What an earlier fetch or the lock file says. */
  readonly expected: FetchedPart | null
}

async function fetchPart(hub: Hub, wanted: Wanted, options: FetchOptions): Promise<FetchedPart> {
  const { benchmark, source, part, expected } = wanted
  const dataset = part.dataset ?? source.dataset
  const place = (path: string): string => cachedPath(options.cache, benchmark.name, { dataset }, path)
  if (expected !== null) {
    const problems = await Promise.all(
      expected.files.map(({ path, sha256 }) => fileProblem(place(path), sha256)),
    )
    if (problems.every((problem) => problem === null)) return expected
  }
  const revision = expected?.commit ?? source.commit ?? source.revision
  const { commit, files } = await findFiles(hub, dataset, revision, part, expected)
  const fetched: FetchedPart['files'] = []
  for (const file of files) {
    options.watch?.(file.path, 0, file.bytes)
    const watch = (bytes: number): void => options.watch?.(file.path, bytes, file.bytes)
    const sha256 = await download(hub, { dataset, commit, file, watch }, place(file.path))
    fetched.push({ path: file.path, bytes: file.bytes, sha256 })
  }
  const paths = fetched.map(({ path }) => place(path))
  try {
    const rows = await countRows(paths)
    checkPart(wanted, dataset, fetched, rows)
    return { dataset, commit, config: part.config, split: part.split, rows, files: fetched }
  } catch (error) {
    await Promise.all(paths.map((path) => rm(path, { force: true })))
    throw error
  }
}

async function findFiles(
  hub: Hub,
  dataset: string,
  revision: string,
  part: BenchmarkPart,
  expected: FetchedPart | null,
): Promise<{ commit: string; files: readonly HubFile[] }> {
  // Datasets whose main branch has no Parquet or JSONL: the Hub's own conversion, on a branch beside it.
  const revisions = expected === null && revision === 'main' ? ['main', 'refs/convert/parquet'] : [revision]
  const wanted = expected === null ? part : { ...part, files: expected.files.map(({ path }) => path) }
  const seen: string[] = []
  for (const each of revisions) {
    const commit = await resolveRevision(hub, dataset, each).catch((error: unknown) => {
      if (each !== revision && error instanceof FulcrumError) return null
      throw error
    })
    if (commit === null) continue
    const listed = await listFiles(hub, dataset, commit)
    const files = splitFiles(listed, wanted)
    if (files.length > 0) return { commit, files }
    seen.push(...listed.map(({ path }) => path))
  }
  throw new FulcrumError(
    'data',
    `${dataset} has no Parquet or JSONL file of config ${part.config}, split ${part.split}`,
    `It has ${seen.slice(0, 12).join(', ') || 'no file'}; fetch it by hand and give the file: NAME=PATH.`,
  )
}

function checkPart(
  { benchmark, part, expected }: Wanted,
  dataset: string,
  files: FetchedPart['files'],
  rows: number,
): void {
  const differ = (
    what: string,
    found: string | number,
    known: string | number,
    where: string,
  ): FulcrumError =>
    new FulcrumError(
      'data',
      `${dataset} ${part.config}/${part.split} has ${what} ${found}, ${where} says ${known}`,
      `It has changed on the Hub. If you want the new one, ${where === 'the registry' ? `give the file: ${benchmark.name}=PATH` : 'fetch with --update (and a new lock file)'}.`,
    )
  const hashes = expected?.files.map(({ sha256 }) => sha256) ?? part.sha256
  const where = expected === null ? 'the registry' : 'the record of the first fetch'
  files.forEach(({ sha256, path }, i) => {
    const known = hashes?.[i]
    if (hashes !== null && known !== sha256)
      throw differ(`sha256 of ${path}`, sha256, known ?? 'no file', where)
  })
  const known = expected?.rows ?? part.rows
  if (known !== null && rows !== known) throw differ('rows:', rows, known, where)
}

const samePlace = (a: FetchedPart, b: FetchedPart): boolean =>
  a.dataset === b.dataset && a.config === b.config && a.split === b.split

/** State of a benchmark for a list. */
export function stateOf(
  benchmark: Benchmark,
  cache: string,
  pin?: string,
): 'fetched' | 'fetched in part' | 'pinned' | 'gated' | 'unobtainable' | 'not fetched' {
  const { name, source, parts } = benchmark
  if (source.kind === 'unobtainable') return 'unobtainable'
  const fetched = readFetched(cache, name)
  const there = parts.filter((part) =>
    fetched.some(
      (entry) =>
        isSamePart(entry, part, benchmark) &&
        entry.files.every(({ path }) => existsSync(cachedPath(cache, name, entry, path))),
    ),
  )
  const isPinned = pin !== undefined && readLock(pin)[name] !== undefined
  if (there.length === parts.length) return isPinned ? 'pinned' : 'fetched'
  if (there.length > 0) return 'fetched in part'
  return source.gated ? 'gated' : 'not fetched'
}
