import { ngrams, wordsOf } from '../../text/words.ts'

/** One benchmark question, or another text that must not be trained on. */
export interface BenchmarkItem {
  readonly benchmark: string
  readonly id: string
  readonly text: string
}

export interface Thresholds {
  /** 7-gram ratio above which a text is at least partial. The paper gives no value; .2 is our choice. */
  readonly info: number
  /** 7-gram ratio from which a text is contaminated. The paper gives no value; .5 is our choice. */
  readonly contaminated: number
}

export interface Contamination {
  readonly status: 'clean' | 'partial' | 'contaminated'
  /** The item of the deciding evidence; null when nothing overlaps. */
  readonly benchmark: string | null
  readonly itemId: string | null
  /** Largest 7-gram ratio over the items. */
  readonly ratio7: number
  /** First 13-gram shared with an item and not allowed, or null. */
  readonly ngram13: string | null
  /** A short text that is an item, word for word (our extension: items under 13 words have no 13-gram). */
  readonly exact: boolean
}

/** 13-grams that are common everywhere. Published with Algorithm 1 (those of 13 words or more). */
export const commonNgrams: readonly string[] = [
  'a i only b ii only c iii only d ii and iii',
  'a true true b false false c true false d false true',
  'logically equivalent b contradictory c neither logically equivalent nor contradictory but consistent d',
  'a (ii) and (iv) only b (i) and (iii) only c (i) (ii)',
  'b e b a b e c c b d c e d',
]

/** Benchmark items ready to be looked for. */
export interface ContaminationIndex {
  readonly items: readonly BenchmarkItem[]
  /** Verdict on one text. */
  judge(text: string, thresholds: Thresholds): Contamination
}

/** Algorithm 1 of the Phi-4 report (appendix B.1). Grams are compared as words, never as hashes. */
export function indexBenchmarks(
  items: readonly BenchmarkItem[],
  allow: readonly string[] = commonNgrams,
): ContaminationIndex {
  const allowed = new Set(allow.flatMap((text) => ngrams(wordsOf(text), 13)))
  const thirteen = new Map<string, number>()
  const seven = new Map<string, number[]>()
  const short = new Map<string, number>()
  const sevenCount = items.map(({ text }, item) => {
    const words = wordsOf(text)
    for (const gram of ngrams(words, 13))
      if (!allowed.has(gram) && !thirteen.has(gram)) thirteen.set(gram, item)
    const grams = new Set(ngrams(words, 7))
    for (const gram of grams) pushTo(seven, gram, item)
    if (words.length > 0 && words.length < 13) short.set(words.join(' '), item)
    return grams.size
  })
  return {
    items,
    judge: (text, thresholds) => {
      const words = wordsOf(text)
      const ngram13 = ngrams(words, 13).find((gram) => thirteen.has(gram)) ?? null
      const best = largestRatio(new Set(ngrams(words, 7)), seven, sevenCount)
      const exact = words.length < 13 ? short.get(words.join(' ')) : undefined
      const owner =
        ngram13 !== null ? thirteen.get(ngram13) : (exact ?? (best.ratio > 0 ? best.item : undefined))
      const item = owner === undefined ? null : (items[owner] as BenchmarkItem)
      return {
        status: verdict(ngram13 !== null || exact !== undefined, best.ratio, thresholds),
        benchmark: item?.benchmark ?? null,
        itemId: item?.id ?? null,
        ratio7: best.ratio,
        ngram13,
        exact: exact !== undefined,
      }
    },
  }
}

function verdict(
  certain: boolean,
  ratio: number,
  { info, contaminated }: Thresholds,
): Contamination['status'] {
  if (certain) return 'contaminated'
  if (ratio <= info) return 'clean'
  return ratio >= contaminated ? 'contaminated' : 'partial'
}

/** Largest over the items of shared 7-grams / min(7-grams of text, of item); distinct grams, ties to the first item. */
function largestRatio(
  grams: ReadonlySet<string>,
  postings: ReadonlyMap<string, readonly number[]>,
  counts: readonly number[],
): { item: number; ratio: number } {
  const shared = new Map<number, number>()
  for (const gram of grams)
    for (const item of postings.get(gram) ?? []) shared.set(item, (shared.get(item) ?? 0) + 1)
  let best = { item: -1, ratio: 0 }
  for (const [item, hits] of shared) {
    const ratio = hits / Math.min(grams.size, counts[item] as number)
    if (ratio > best.ratio || (ratio === best.ratio && item < best.item)) best = { item, ratio }
  }
  return best
}

function pushTo(map: Map<string, number[]>, key: string, value: number): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
