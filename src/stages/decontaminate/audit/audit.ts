import { join } from 'node:path'
import { readAuditManifest } from '../../../store/audit-manifest.ts'
import type { AuditSummary, Review, SelfTest } from '../../../store/audit-summary.ts'
import { reviewFolder } from '../review/review-folder.ts'
import { selfTest } from '../self-test/self-test.ts'
import { judgingOf } from '../judging.ts'
import { createTextJudge } from '../text-judge.ts'
import { commonNgrams } from './exclusions.ts'
import { readItems } from './items-file.ts'
import { type FolderJudging, judgeFolder, type Measured } from './judge-folder.ts'
import { refuseUnsampled, sampleTexts } from './sample.ts'
import { type Scanned, type ScanOptions, scanToFolder, writeManifest } from './scan-folder.ts'
import { createCorpusChanges, writeCorpus, type WriteMode, type WrittenFile } from './write-corpus.ts'

export interface AuditOptions extends ScanOptions {
  readonly judging: FolderJudging
  /** Plants of each kind; 0: no self-test. */
  readonly selfTestTrials: number
  readonly seed: number
  readonly review: boolean
  readonly write?: WriteMode | undefined
  readonly watchReview: (rows: number) => void
}

/** An audit, with the files of the corpus it wrote anew. */
export interface Audited {
  readonly summary: AuditSummary
  readonly written: readonly WrittenFile[]
}

/** Scans a corpus, judges it, and leaves the whole audit in a folder, except for its page. */
export async function audit(options: AuditOptions): Promise<Audited> {
  // Mistakes in what is asked must not wait for the end of the scan.
  judgingOf(options.judging)
  if (options.selfTestTrials > 0) refuseUnsampled(options.corpus, '--self-test')
  if (options.review) refuseUnsampled(options.corpus, '--review')
  const scanned = await scanToFolder(options)
  return judged(options, options.corpus, async (isContaminated) => ({
    selfTest: options.selfTestTrials > 0 ? await tested(options, scanned) : null,
    review: options.review ? await reviewed(options, scanned, isContaminated) : null,
  }))
}

/** Judges the evidence of an earlier audit again. What was planted and reviewed then is not said again: it belongs to
 *  the judging of then. Only writing the corpus anew needs the corpus. */
export async function judgeAgain(
  folder: string,
  judging: FolderJudging,
  write?: WriteMode,
): Promise<Audited> {
  const { scan } = await readAuditManifest(join(folder, 'manifest.json'))
  const files = scan.corpus.files.map(({ file }) => file)
  return judged({ folder, judging, write }, files, () => Promise.resolve({ selfTest: null, review: null }))
}

/** Writes the hashes of all files of an audit, once they are all there. */
export async function sealAudit(folder: string, written: readonly WrittenFile[]): Promise<void> {
  await writeManifest(folder, await readAuditManifest(join(folder, 'manifest.json')), written)
}

async function judged(
  { folder, judging, write }: Pick<AuditOptions, 'folder' | 'judging' | 'write'>,
  files: readonly string[],
  measure: (isContaminated: (file: string, row: number) => boolean) => Promise<Measured>,
): Promise<Audited> {
  const changes = createCorpusChanges(write === 'redact')
  const isContaminated = (file: string, row: number): boolean => changes.rows.get(file)?.has(row) === true
  const summary = await judgeFolder(folder, judging, () => measure(isContaminated), changes.add)
  const written = write === undefined ? [] : await writeCorpus(folder, files, changes, write)
  return { summary, written }
}

/** What a verdict has removed needs no review. */
function reviewed(
  { folder, corpus, fields, signal, watchReview: watch }: AuditOptions,
  { indexed }: Scanned,
  isContaminated: (file: string, row: number) => boolean,
): Promise<Review> {
  const questions = indexed.filter(({ field }) => field === 'question')
  return reviewFolder({ folder, files: corpus, fields, questions, signal, watch, skip: isContaminated })
}

async function tested(options: AuditOptions, { indexed, others }: Scanned): Promise<SelfTest> {
  const { folder, judging, corpus, fields, seed, signal } = options
  const { frequencies } = await readItems(join(folder, 'items.parquet'))
  const isCommon = commonNgrams(frequencies, judging.commonRows ?? 0)
  const deciding = judging.itemFields
  const judge = await createTextJudge(indexed, judgingOf({ ...judging, isCommon }), deciding)
  const hosts = await sampleTexts({ files: corpus, fields, seed, signal, most: 400 })
  return selfTest({
    hosts,
    indexed,
    choices: others.filter(({ field }) => field === 'choice'),
    judge,
    seed,
    trials: options.selfTestTrials,
  })
}
