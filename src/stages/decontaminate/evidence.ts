import type { BenchmarkItemText } from '../../store/benchmarks/texts.ts'
import { words } from '../../text/words.ts'
import { distinctNgrams } from './distinct.ts'

/** One text of one benchmark item, as it is indexed. */
export type ItemText = Omit<BenchmarkItemText, 'isFeature'>

/** The same with what rules ask of it, made when it is first asked for: most items are never met. */
export interface IndexedText extends ItemText {
  readonly words: readonly string[]
  /** Its distinct 7-grams. */
  readonly ngrams7: number
}

/** A maximal run of words in both texts. */
export interface Run {
  readonly textWord: number
  readonly entryWord: number
  readonly words: number
}

/** Everything a rule may know about one training text and one indexed text that share a 7-gram or are the same short
 *  text. Rules are pure functions of it, so that stored evidence can be judged again. */
export interface Pair {
  /** Position of the indexed text in the index. */
  readonly entry: number
  readonly item: IndexedText
  /** 7 words or more each, in the order of the training text. */
  readonly runs: readonly Run[]
  /** The indexed text has under 13 words and they are exactly the training text's. */
  readonly same: boolean
  readonly textWords: number
  /** Distinct 7-grams of the training text. */
  readonly textNgrams7: number
}

/** A shared n-gram and the places of the indexed text it begins at. */
export interface SharedNgram {
  readonly ngram: string
  readonly words: readonly number[]
}

export function indexedText(text: ItemText): IndexedText {
  let [split, ngrams7]: [readonly string[] | null, number | null] = [null, null]
  return {
    ...text,
    get words() {
      return (split ??= words(text.text))
    },
    get ngrams7() {
      return (ngrams7 ??= distinctNgrams(this.words, 7))
    },
  }
}

/** Distinct n-grams in both texts, in the order of the training text. */
export function sharedNgrams({ runs, item }: Pick<Pair, 'runs' | 'item'>, n: number): SharedNgram[] {
  const found = new Map<string, number[]>()
  for (const { entryWord, words: length } of runs) {
    for (let start = entryWord; start + n <= entryWord + length; start++) {
      const ngram = item.words.slice(start, start + n).join(' ')
      const places = found.get(ngram)
      if (places === undefined) found.set(ngram, [start])
      else if (!places.includes(start)) places.push(start)
    }
  }
  return [...found].map(([ngram, places]) => ({ ngram, words: places }))
}

/** Shared distinct 7-grams over the smaller of both texts' numbers of distinct 7-grams (Phi-4, Algorithm 1); 0 where
 *  one of them has none. */
export function ratioOf(pair: Pick<Pair, 'item' | 'textNgrams7'>, shared: number): number {
  const smaller = Math.min(pair.textNgrams7, pair.item.ngrams7)
  return smaller === 0 ? 0 : shared / smaller
}

/** Share of a text's words that lie in runs of at least `least` words. */
export function coverage(runs: readonly Run[], side: 'text' | 'item', size: number, least = 7): number {
  if (size === 0) return 0
  const spans = runs
    .filter((run) => run.words >= least)
    .map((run) => [side === 'text' ? run.textWord : run.entryWord, run.words] as const)
    .sort(([a], [b]) => a - b)
  let covered = 0
  let end = 0
  for (const [start, length] of spans) {
    covered += Math.max(0, start + length - Math.max(start, end))
    end = Math.max(end, start + length)
  }
  return covered / size
}

/** Share of the indexed text found: all of it when the texts are the same. */
export const coverageOfItem = ({ runs, item, same }: Pair): number =>
  same ? 1 : coverage(runs, 'item', item.words.length)

/** Words of the longest run; of a text that is the same, all its words. */
export const longestRun = ({ runs, item, same }: Pair): number =>
  same ? item.words.length : runs.reduce((most, run) => Math.max(most, run.words), 0)
