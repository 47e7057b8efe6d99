import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { gzipSync } from 'node:zlib'
import { audit, type AuditOptions, sealAudit } from '../../../src/stages/decontaminate/audit/audit.ts'
import type { EvidenceRow } from '../../../src/stages/decontaminate/audit/evidence-row.ts'
import { readParquet } from '../../../src/store/parquet-reader.ts'

export const folder = await mkdtemp(join(tmpdir(), 'fulcrum-audit-'))
after(() => rm(folder, { recursive: true, force: true }))

/** Words that stand nowhere else: w5 w6 w7. */
export const numbered = (from: number, count: number, stem = 'w'): string =>
  Array.from({ length: count }, (_, i) => `${stem}${from + i}`).join(' ')

let made = 0
/** Writes a file of JSON lines, or of lines as given, of a place of its own. */
export async function file(name: string, lines: readonly unknown[]): Promise<string> {
  const path = join(folder, String(made++), name)
  await mkdir(join(path, '..'), { recursive: true })
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  await writeFile(path, name.endsWith('.gz') ? gzipSync(`${text}\n`) : `${text}\n`)
  return path
}

/** Audits real files into a new folder; gives the summary, the folder, and its evidence. */
export async function audited(
  corpus: readonly string[],
  benchmarks: AuditOptions['benchmarks'],
  more: Partial<AuditOptions> = {},
) {
  const out = join(folder, String(made++))
  const { summary, written } = await audit({
    folder: out,
    corpus,
    benchmarks,
    fields: [],
    workers: 2,
    allow: [],
    versions: { fulcrum: '0.0.0', node: 'v20' },
    judging: {},
    selfTestTrials: 0,
    seed: 1,
    review: false,
    signal: new AbortController().signal,
    watch: () => undefined,
    watchReview: () => undefined,
    ...more,
  })
  await sealAudit(out, written)
  return { summary, out, written, evidence: await table<EvidenceRow>(join(out, 'evidence.parquet')) }
}

/** All rows of a Parquet file. */
export async function table<T>(path: string): Promise<T[]> {
  const rows: T[] = []
  for await (const row of readParquet(path)) rows.push(row as T)
  return rows
}
