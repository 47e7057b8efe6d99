import { coverageOfItem, type IndexedText, type Pair, ratioOf, sharedNgrams } from './evidence.ts'
import { judgePair, type Judging, type PairVerdict, reasons, type Status } from './rules.ts'

/** A pair with its own verdict. */
export interface JudgedPair<P extends Pair = Pair> {
  readonly pair: P
  readonly verdict: PairVerdict
  /** Compared one after the other, the larger first. */
  readonly rank: readonly number[]
}

/** The verdict on one training text against all items it shares something with. */
export interface TextVerdict<P extends Pair = Pair> {
  readonly status: Status
  readonly reason: PairVerdict['reason']
  /** The pair that decided; null for a clean text. */
  readonly pair: P | null
  /** The rule's measure for that pair; for a clean text the largest of any. */
  readonly score: number
  /** The n-gram that decided, where one did. */
  readonly ngram: string | null
  /** Items that fit the text exactly as well as the one named: which of them leaked cannot be told. */
  readonly ties: readonly IndexedText[]
  /** n-grams that were not counted, of any pair. */
  readonly excluded: readonly string[]
}

export const severity: Readonly<Record<Status, number>> = { clean: 0, partial: 1, contaminated: 2 }

/** Judges each pair of a text; the first of the result decides. Algorithm 1 looks for 13-grams in all items before it
 *  looks at any ratio, so a 13-gram goes before a larger ratio. Of pairs with a 13-gram the item covered most is named
 *  (never the first owner of an n-gram: one n-gram belongs to dozens of items); of ratios the largest, as published. */
export const judgePairs = <P extends Pair>(pairs: readonly P[], judging: Judging): JudgedPair<P>[] =>
  pairs.map((pair) => ranked(pair, judgePair(pair, judging))).sort(byRank)

/** The verdict that judged pairs of one text come to; they are in their order of rank. */
export function verdictOf<P extends Pair>(judged: readonly JudgedPair<P>[]): TextVerdict<P> {
  const excluded = [...new Set(judged.flatMap(({ verdict }) => verdict.excluded))]
  const [best] = judged
  if (best === undefined || best.verdict.status === 'clean') {
    const score = judged.reduce((most, { verdict }) => Math.max(most, verdict.score), 0)
    return { status: 'clean', reason: null, pair: null, score, ngram: null, ties: [], excluded }
  }
  return { ...best.verdict, pair: best.pair, ties: tiesOf(judged), excluded }
}

/** Judges a text in one go. */
export const judgeText = <P extends Pair>(pairs: readonly P[], judging: Judging): TextVerdict<P> =>
  verdictOf(judgePairs(pairs, judging))

/** Whether the first of two verdicts weighs more: by status, then by the rule's measure, then by how much of the item is
 *  there. */
export function isWorse(a: TextVerdict, b: TextVerdict): boolean {
  if (a.status !== b.status) return severity[a.status] > severity[b.status]
  if (a.score !== b.score) return a.score > b.score
  return covered(a) > covered(b)
}

const covered = ({ pair }: TextVerdict): number => (pair === null ? 0 : coverageOfItem(pair))

function ranked<P extends Pair>(pair: P, verdict: PairVerdict): JudgedPair<P> {
  const order = verdict.reason === null ? reasons.length : reasons.indexOf(verdict.reason)
  const share = coverageOfItem(pair)
  const fit = verdict.reason === '13-gram' ? [share, ratio(pair)] : [verdict.score, share]
  return { pair, verdict, rank: [severity[verdict.status], -order, ...fit] }
}

const ratio = (pair: Pair): number => ratioOf(pair, sharedNgrams(pair, 7).length)

function byRank(a: JudgedPair, b: JudgedPair): number {
  for (let i = 0; i < a.rank.length; i++) {
    const difference = (b.rank[i] as number) - (a.rank[i] as number)
    if (difference !== 0) return difference
  }
  return a.pair.entry - b.pair.entry
}

/** Other items of the same rank as the first; texts of one item are no tie. */
function tiesOf([best, ...rest]: readonly JudgedPair[]): IndexedText[] {
  if (best === undefined) return []
  const seen = new Set([itemKey(best.pair.item)])
  const ties: IndexedText[] = []
  for (const other of rest) {
    if (other.rank.some((value, i) => value !== best.rank[i])) break
    const key = itemKey(other.pair.item)
    if (!seen.has(key)) ties.push(other.pair.item)
    seen.add(key)
  }
  return ties
}

/** Names an item among all benchmarks. */
export const itemKey = ({
  benchmark,
  config,
  split,
  itemId,
}: Pick<IndexedText, 'benchmark' | 'config' | 'split' | 'itemId'>): string =>
  JSON.stringify([benchmark, config, split, itemId])
