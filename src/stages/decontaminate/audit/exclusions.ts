import type { AuditSummary } from '../../../store/audit-summary.ts'
import { words } from '../../../text/words.ts'
import type { IndexedText } from '../evidence.ts'
import type { PhraseList } from '../phrases.ts'
import type { JudgedRow } from './judge-row.ts'

/** Whether the 7-gram at a word of an indexed text stands in at least `leastRows` rows of the corpus (0: never) and is
 *  common. An item most of whose 7-grams are that frequent is taken to have leaked often, not to be common: none of its
 *  n-grams is left out. Threshold and guard are our choice, not from the paper, which says only "common 13-grams in the
 *  Wiki and train set". */
export function commonNgrams(
  frequencies: readonly (readonly number[])[],
  leastRows: number,
): (entry: number, word: number) => boolean {
  if (leastRows === 0) return () => false
  const leaked = frequencies.map(
    (rows) => rows.filter((count) => count >= leastRows).length * 2 > rows.length,
  )
  return (entry, word) => leaked[entry] === false && (frequencies[entry]?.[word] ?? 0) >= leastRows
}

/** Collects the n-grams that did not count, with what they would have done. */
export interface Exclusions {
  add(judged: JudgedRow): void
  /** The most telling first; at most `most`. */
  list(most: number): AuditSummary['exclusions']
}

export function createExclusions(allow: PhraseList): Exclusions {
  const found = new Map<string, { rows: number; removed: number }>()
  return {
    add: ({ excluded, worst, unexcluded }) => {
      for (const ngram of excluded) {
        const counts = found.get(ngram) ?? { rows: 0, removed: 0 }
        found.set(ngram, counts)
        counts.rows++
        if (unexcluded === 'contaminated' && worst.verdict.status !== 'contaminated') counts.removed++
      }
    },
    list: (most) =>
      [...found]
        .sort(([a, x], [b, y]) => y.removed - x.removed || y.rows - x.rows || (a < b ? -1 : 1))
        .slice(0, most)
        .map(([ngram, { rows, removed }]) => ({
          ngram,
          why: allow.covers(ngram) ?? 'common in the corpus',
          rows,
          would_have_removed: removed,
        })),
  }
}

/** The 7-grams of benchmarks that the most corpus rows hold: candidates for an allow-list. Equal n-grams of several
 *  items are one; what lies one word beside a listed one of the same count is left out. */
export function frequentNgrams(
  texts: readonly IndexedText[],
  frequencies: readonly (readonly number[])[],
  most: number,
): AuditSummary['frequent'] {
  const least = thresholdOf(frequencies, most * 20)
  const found = new Map<string, { rows: number; texts: Set<number> }>()
  frequencies.forEach((rows, entry) => {
    if (!rows.some((count) => count >= least)) return
    const of = words((texts[entry] as IndexedText).text)
    rows.forEach((count, word) => {
      if (count < least || (rows[word - 1] ?? -1) === count) return
      const ngram = of.slice(word, word + 7).join(' ')
      const known = found.get(ngram) ?? { rows: count, texts: new Set() }
      found.set(ngram, known)
      known.texts.add(entry)
    })
  })
  return [...found]
    .sort(([a, x], [b, y]) => y.rows - x.rows || (a < b ? -1 : 1))
    .slice(0, most)
    .map(([ngram, { rows, texts: owners }]) => ({ ngram, rows, texts: owners.size }))
}

/** Rows that about `wanted` n-grams reach; 2 at least, since an n-gram of one row is not frequent. */
function thresholdOf(frequencies: readonly (readonly number[])[], wanted: number): number {
  const histogram = new Map<number, number>()
  for (const rows of frequencies)
    for (const count of rows) histogram.set(count, (histogram.get(count) ?? 0) + 1)
  let sum = 0
  for (const [count, ngrams] of [...histogram].sort(([a], [b]) => b - a)) {
    sum += ngrams
    if (count < 2) return 2
    if (sum >= wanted) return count
  }
  return 2
}
