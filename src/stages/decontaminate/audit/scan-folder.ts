import { createHash } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { auditManifestSchema, type AuditManifest } from '../../../store/audit-manifest.ts'
import type { BenchmarkChoice } from '../../../store/benchmarks/benchmarks.ts'
import { sha256OfFile, writeWhole } from '../../../store/files.ts'
import { cachedTextIndex } from '../../../store/index-cache.ts'
import { createTextScanner } from '../../../text/scan.ts'
import type { ListEntry } from '../phrases.ts'
import { judgingOf } from '../judging.ts'
import { answersOf } from './answers.ts'
import { collectUnit, gatherUnits } from './collect.ts'
import { type Items, readBenchmarks } from './items.ts'
import { writeItems } from './items-file.ts'
import { type PassInput, passOver } from './pass.ts'

export interface ScanOptions extends Pick<PassInput, 'fields' | 'workers' | 'signal' | 'watch'> {
  readonly folder: string
  readonly corpus: readonly string[]
  readonly benchmarks: readonly BenchmarkChoice[]
  readonly cache?: string | undefined
  readonly allow: readonly ListEntry[]
  readonly versions: AuditManifest['versions']
}

export interface Scanned extends Items {
  readonly manifest: AuditManifest
}

/** Scans a corpus for the texts of benchmarks and leaves the evidence in a folder: items.parquet, evidence.parquet,
 *  records.parquet and manifest.json. Verdicts come after, from these files alone. A scan that is cut off goes on behind
 *  its last committed unit when it is asked for again. */
export async function scanToFolder(options: ScanOptions): Promise<Scanned> {
  const { folder, corpus, benchmarks, cache, allow, versions } = options
  const items = await readBenchmarks(benchmarks, cache)
  const { index } = await cachedTextIndex(items.indexed.map(({ text }) => text))
  const scanner = await createTextScanner(index)
  const collecting = {
    texts: items.indexed,
    answers: answersOf([...items.indexed, ...items.others]),
    allow: judgingOf({ allow }).allow,
    scanner,
  }
  const units = join(folder, 'scan')
  const identity = { items: itemsHash(items), allow: JSON.stringify(allow), fulcrum: versions.fulcrum }
  await mkdir(folder, { recursive: true })
  // What an earlier audit of this folder says holds no longer.
  for (const old of ['manifest.json', 'review.parquet']) await rm(join(folder, old), { force: true })
  const result = await passOver({ ...options, folder: units, files: corpus, index, identity }, (part) =>
    collectUnit(part, collecting),
  )
  const gramId = (entry: number, word: number): number => scanner.gramId(entry, word)
  await gatherUnits(folder, result, (entry, word) => result.documentFrequency[gramId(entry, word)] ?? 0)
  await writeItems(join(folder, 'items.parquet'), items, gramId, result.documentFrequency)
  const manifest: AuditManifest = {
    format: 'fulcrum-audit-manifest/1',
    versions,
    options: { fields: [...options.fields], allow: [...allow] },
    scan: {
      index: {
        sha256: index.sha256,
        texts: index.entries,
        ngrams7: index.grams,
        bytes: index.bytes.byteLength,
      },
      corpus: result.corpus,
      benchmarks: [...items.benchmarks],
    },
    files: [],
  }
  await writeManifest(folder, manifest)
  await rm(units, { recursive: true })
  return { ...items, manifest }
}

/** Tells other items of the same words apart. */
function itemsHash({ indexed, others }: Items): string {
  const hash = createHash('sha256')
  for (const { benchmark, config, split, itemId, field, text } of [...indexed, ...others])
    hash.update(JSON.stringify([benchmark, config, split, itemId, field, text]))
  return hash.digest('hex')
}

/** Writes the manifest with the hash of every file of the audit's own, and of the corpus as far as it was written. */
export async function writeManifest(
  folder: string,
  manifest: AuditManifest,
  written: readonly AuditManifest['files'][number][] = [],
): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((name) => isOwn(name))
    .sort()
  const files: AuditManifest['files'] = []
  for (const file of names) {
    const path = join(folder, file)
    files.push({ file, bytes: (await stat(path)).size, sha256: await sha256OfFile(path) })
  }
  const corpus = written.map(({ file, bytes, sha256 }) => ({ file, bytes, sha256 }))
  const whole = auditManifestSchema.parse({ ...manifest, files: [...files, ...corpus] })
  await writeWhole(join(folder, 'manifest.json'), `${JSON.stringify(whole, null, 2)}\n`)
}

/** What an audit writes; a folder may hold other things too. */
const isOwn = (name: string): boolean =>
  /^((items|evidence|records|verdicts|removed|review)\.parquet|audit\.(json|html)|clean_item_ids\/[^/]+\.txt)$/.test(
    name,
  )
