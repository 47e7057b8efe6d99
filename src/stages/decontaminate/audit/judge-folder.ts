import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../../../errors.ts'
import { removedColumns, verdictColumns } from '../../../record/audit.ts'
import type { Columns, Row } from '../../../record/columns.ts'
import { type AuditManifest, readAuditManifest } from '../../../store/audit-manifest.ts'
import type { AuditSummary, MatchView, Review, SelfTest } from '../../../store/audit-summary.ts'
import { sha256OfFile, writeWhole } from '../../../store/files.ts'
import { readParquet } from '../../../store/parquet-reader.ts'
import { createParquetWriter, type ParquetWriter } from '../../../store/parquet-writer.ts'
import { type IndexedText, indexedText, type ItemField } from '../evidence.ts'
import { itemKey, severity, type TextVerdict } from '../judge.ts'
import { judgingOf, type JudgingOptions } from '../judging.ts'
import { rules, type RuleName } from '../rules.ts'
import { answersOf } from './answers.ts'
import { type EvidenceGroup, evidenceGroups } from './evidence-groups.ts'
import type { StoredPair } from './evidence-row.ts'
import { commonNgrams, createExclusions, frequentNgrams } from './exclusions.ts'
import { type JudgedRow, judgeRow } from './judge-row.ts'
import { matchView } from './match-view.ts'
import { createTally } from './tally.ts'

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
  measured: Measured,
): Promise<AuditSummary> {
  const manifest = await readAuditManifest(join(folder, 'manifest.json'))
  const { texts, frequencies } = await readItems(join(folder, 'items.parquet'))
  const { commonRows = 0, examples = 40, itemFields: deciding = itemFields } = options
  const judging = judgingOf({ ...options, isCommon: commonNgrams(frequencies, commonRows) })
  const how = { judging, itemFields: new Set(deciding) }
  const tally = createTally(manifest.scan)
  const exclusions = createExclusions(judging.allow)
  const matches = createShowcase(examples, answersOf(texts))
  const write = await createWriters(folder)
  try {
    for await (const group of evidenceGroups(join(folder, 'evidence.parquet'), join(folder, 'records.parquet'))) {
      const judged = judgeRow(group, texts, how)
      tally.add(group, judged)
      exclusions.add(judged)
      matches.add(group, judged)
      await write.row(group, judged)
    }
    await write.close()
  } catch (error) {
    await write.abort()
    throw error
  }
  await writeCleanIds(folder, texts, tally.statusOf)
  const summed = tally.summary()
  const summary: AuditSummary = {
    format: 'fulcrum-audit/1',
    fulcrum: manifest.versions.fulcrum,
    status: statusOf(summed.rows),
    judged_by: {
      rule: judging.rule,
      meaning: rules[judging.rule].meaning,
      info: judging.info,
      contaminated: judging.contaminated,
      least_ngrams: judging.leastNgrams,
      common_rows: commonRows,
      item_fields: [...deciding],
      allow: [...(options.allow ?? [])],
      deny: [...(options.deny ?? [])],
    },
    scan: manifest.scan,
    ...summed,
    exclusions: exclusions.list(200),
    frequent: frequentNgrams(texts, frequencies, 30),
    matches: matches.best(),
    self_test: measured.selfTest,
    review: measured.review,
  }
  await writeWhole(join(folder, 'audit.json'), `${JSON.stringify(summary, null, 1)}\n`)
  return summary
}
