import type { ItemField } from '../../../store/benchmarks/texts.ts'
import type { IndexedText } from '../evidence.ts'
import { isWorse, type JudgedPair, judgePairs, type TextVerdict, verdictOf } from '../judge.ts'
import type { Judging } from '../rules.ts'
import type { EvidenceGroup } from './evidence-groups.ts'
import { type EvidenceRow, pairOfRow, type StoredPair } from './evidence-row.ts'

/** The verdict on one text of a row: against all texts of items, and against each kind of them. */
export interface JudgedText {
  readonly path: string
  readonly place: string
  readonly verdict: TextVerdict<StoredPair>
  readonly byField: readonly { readonly field: ItemField; readonly verdict: TextVerdict<StoredPair> }[]
  readonly judged: readonly JudgedPair<StoredPair>[]
}

export interface JudgedRow {
  readonly worst: JudgedText
  readonly texts: readonly JudgedText[]
  /** n-grams that did not count in any of its texts. */
  readonly excluded: readonly string[]
  /** What the row would have been if they had. */
  readonly unexcluded: TextVerdict['status']
}

export interface RowJudging {
  readonly judging: Judging
  /** Kinds of item texts that decide; the others only have verdicts of their own. */
  readonly itemFields: ReadonlySet<ItemField>
}

/** Judges the texts of a row; the worst decides. */
export function judgeRow(group: EvidenceGroup, items: readonly IndexedText[], how: RowJudging): JudgedRow {
  const texts = judgedTexts(group, items, how)
  const excluded = [...new Set(texts.flatMap(({ verdict }) => verdict.excluded))]
  const worst = worstOf(texts)
  const unexcluded =
    excluded.length === 0 || worst.verdict.status === 'contaminated'
      ? worst.verdict.status
      : worstOf(judgedTexts(group, items, { ...how, judging: withoutExclusions(how.judging) })).verdict.status
  return { worst, texts, excluded, unexcluded }
}

function judgedTexts(
  group: EvidenceGroup,
  items: readonly IndexedText[],
  { judging, itemFields }: RowJudging,
): JudgedText[] {
  const texts = new Map<string, EvidenceRow[]>()
  for (const row of group.evidence) {
    const key = JSON.stringify([row.field_path, String(row.part_start)])
    const rows = texts.get(key)
    if (rows === undefined) texts.set(key, [row])
    else rows.push(row)
  }
  return [...texts.values()].map((rows) => {
    const judged = judgePairs(
      rows.map((row) => pairOfRow(row, items)),
      judging,
    )
    const fields = [...new Set(judged.map(({ pair }) => pair.item.field))].sort()
    return {
      path: rows[0]?.field_path ?? '',
      place: rows[0]?.place ?? '',
      verdict: verdictOf(judged.filter(({ pair }) => itemFields.has(pair.item.field))),
      byField: fields.map((field) => ({
        field,
        verdict: verdictOf(judged.filter(({ pair }) => pair.item.field === field)),
      })),
      judged,
    }
  })
}

/** Of equals the first, in the order of the record. */
const worstOf = (texts: readonly JudgedText[]): JudgedText =>
  texts.reduce((worst, text) => (isWorse(text.verdict, worst.verdict) ? text : worst))

function withoutExclusions(judging: Judging): Judging {
  return {
    ...judging,
    allow: { ...judging.allow, covers: () => null, contains: () => false },
    isCommon: () => false,
  }
}
