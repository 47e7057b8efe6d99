import { join } from 'node:path'
import { type AuditManifest, readAuditManifest } from '../../../store/audit-manifest.ts'
import type { AuditSummary, Review, SelfTest } from '../../../store/audit-summary.ts'
import { writeWhole } from '../../../store/files.ts'
import type { ItemField } from '../../../store/benchmarks/texts.ts'

import { judgingOf, type JudgingOptions } from '../judging.ts'
import { type Judging, rules } from '../rules.ts'
import { answersOf } from './answers.ts'
import { type EvidenceGroup, evidenceGroups } from './evidence-groups.ts'
import { commonNgrams, createExclusions, frequentNgrams } from './exclusions.ts'
import { readItems } from './items-file.ts'
import { type JudgedRow, judgeRow } from './judge-row.ts'
import { createShowcase } from './showcase.ts'
import { createTally } from './tally.ts'
import { createVerdictFiles, writeCleanIds } from './verdict-files.ts'

export const itemFields: readonly ItemField[] = [
  'question',
  'question+choices',
  'choice',
  'answer',
  'solution',
  'context',
]

export interface FolderJudging extends Omit<JudgingOptions, 'isCommon'> {
  /** Rows from which a 7-gram is common and does not count; 0: none is. */
  readonly commonRows?: number | undefined
  /** Kinds of item texts that decide about a row; all by default. */
  readonly itemFields?: readonly ItemField[] | undefined
  /** Matches shown in full. */
  readonly examples?: number | undefined
}

/** Results that do not come from evidence. */
export interface Measured {
  readonly selfTest: SelfTest | null
  readonly review: Review | null
}

/** Judges the evidence in an audit's folder: writes verdicts.parquet, removed.parquet, clean_item_ids/ and audit.json,
 *  and gives what audit.json says. No corpus is read. */
export async function judgeFolder(
  folder: string,
  options: FolderJudging,
  /** Asked once all rows are judged. */
  measure: () => Promise<Measured>,
  watchRow: (group: EvidenceGroup, judged: JudgedRow) => void = () => undefined,
): Promise<AuditSummary> {
  const manifest = await readAuditManifest(join(folder, 'manifest.json'))
  const { texts, frequencies } = await readItems(join(folder, 'items.parquet'))
  const { commonRows = 0, examples = 40, itemFields: deciding = itemFields } = options
  const judging = judgingOf({ ...options, isCommon: commonNgrams(frequencies, commonRows) })
  const how = { judging, itemFields: new Set(deciding) }
  const tally = createTally(manifest.scan)
  const exclusions = createExclusions(judging.allow)
  const matches = createShowcase(examples, answersOf(texts))
  const files = await createVerdictFiles(folder)
  try {
    for await (const group of evidenceGroups(
      join(folder, 'evidence.parquet'),
      join(folder, 'records.parquet'),
    )) {
      const judged = judgeRow(group, texts, how)
      tally.add(group, judged)
      exclusions.add(judged)
      matches.add(group, judged)
      watchRow(group, judged)
      await files.add(group, judged)
    }
    await files.close()
  } catch (error) {
    await files.abort()
    throw error
  }
  await writeCleanIds(folder, texts, tally.statusOf)
  const measured = await measure()
  const summary = summaryOf(manifest, options, judging, {
    ...tally.summary(),
    exclusions: exclusions.list(200),
    frequent: frequentNgrams(texts, frequencies, 30),
    matches: matches.best(),
    self_test: measured.selfTest,
    review: measured.review,
  })
  await writeWhole(join(folder, 'audit.json'), `${JSON.stringify(summary, null, 1)}\n`)
  return summary
}

function summaryOf(
  { scan, versions }: AuditManifest,
  { commonRows = 0, itemFields: deciding = itemFields, allow = [], deny = [] }: FolderJudging,
  judging: Judging,
  found: Omit<AuditSummary, 'format' | 'fulcrum' | 'status' | 'judged_by' | 'scan'>,
): AuditSummary {
  const { contaminated, partial } = found.rows
  return {
    format: 'fulcrum-audit/1',
    fulcrum: versions.fulcrum,
    status: contaminated.count > 0 ? 'contaminated' : partial.count > 0 ? 'partial' : 'clean',
    judged_by: {
      rule: judging.rule,
      meaning: rules[judging.rule].meaning,
      info: judging.info,
      contaminated: judging.contaminated,
      least_ngrams: judging.leastNgrams,
      common_rows: commonRows,
      item_fields: [...deciding],
      allow: [...allow],
      deny: [...deny],
    },
    scan,
    ...found,
  }
}
