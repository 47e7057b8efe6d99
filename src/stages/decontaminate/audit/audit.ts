import { join } from 'node:path'
import { readAuditManifest } from '../../../store/audit-manifest.ts'
import type { AuditSummary, SelfTest } from '../../../store/audit-summary.ts'
import { reviewFolder } from '../review/review-folder.ts'
import { selfTest } from '../self-test/self-test.ts'
import { judgingOf } from '../judging.ts'
import { createTextJudge } from '../text-judge.ts'
import { commonNgrams } from './exclusions.ts'
import { readItems } from './items-file.ts'
import { type FolderJudging, judgeFolder } from './judge-folder.ts'
import { sampleTexts } from './sample.ts'
import { type Scanned, type ScanOptions, scanToFolder, writeManifest } from './scan-folder.ts'

export interface AuditOptions extends ScanOptions {
  readonly judging: FolderJudging
  /** Plants of each kind; 0: no self-test. */
  readonly selfTestTrials: number
  readonly seed: number
  readonly review: boolean
  readonly watchReview: (rows: number) => void
}

/** Scans a corpus, judges it, and leaves the whole audit in a folder, except for its page. */
export async function audit(options: AuditOptions): Promise<AuditSummary> {
  const { folder, judging, review, corpus, fields, signal, watchReview } = options
  // Mistakes in what is asked must not wait for the end of the scan.
  judgingOf(judging)
  const scanned = await scanToFolder(options)
  const questions = scanned.indexed.filter(({ field }) => field === 'question')
  return judgeFolder(folder, judging, {
    selfTest: options.selfTestTrials > 0 ? await tested(options, scanned) : null,
    review: review
      ? await reviewFolder({ folder, files: corpus, fields, questions, signal, watch: watchReview })
      : null,
  })
}

/** Judges the evidence of an earlier audit again. What was planted and reviewed then is not said again: it belongs to
 *  the judging of then. */
export const judgeAgain = (folder: string, judging: FolderJudging): Promise<AuditSummary> =>
  judgeFolder(folder, judging, { selfTest: null, review: null })

/** Writes the hashes of all files of an audit, once they are all there. */
export async function sealAudit(folder: string): Promise<void> {
  await writeManifest(folder, await readAuditManifest(join(folder, 'manifest.json')))
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
