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
import { createCollector } from './collect.ts'
import { type Items, readBenchmarks } from './items.ts'
import { writeItems } from './items-file.ts'
import { type PassInput, passOver } from './pass.ts'

export interface ScanOptions extends Omit<PassInput, 'index' | 'files'> {
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
 *  records.parquet and manifest.json. Verdicts come after, from these files alone. */
export async function scanToFolder(options: ScanOptions): Promise<Scanned> {
  const { folder, corpus, benchmarks, cache, allow, versions } = options
  const items = await readBenchmarks(benchmarks, cache)
  const { index } = await cachedTextIndex(items.indexed.map(({ text }) => text))
  const scanner = await createTextScanner(index)
  await mkdir(folder, { recursive: true })
  await rm(join(folder, 'manifest.json'), { force: true })
  const collector = await createCollector(folder, {
    texts: items.indexed,
    answers: answersOf([...items.indexed, ...items.others]),
    allow: judgingOf({ allow }).allow,
    scanner,
  })
  try {
    const result = await passOver({ ...options, files: corpus, index }, (record) => collector.add(record))
    const gramId = (entry: number, word: number): number => scanner.gramId(entry, word)
    await collector.finish((entry, word) => result.documentFrequency[gramId(entry, word)] ?? 0)
    await writeItems(join(folder, 'items.parquet'), items, gramId, result.documentFrequency)
    const manifest = {
      format: 'fulcrum-audit-manifest/1' as const,
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
    return { ...items, manifest }
  } catch (error) {
    await collector.abort()
    throw error
  }
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
