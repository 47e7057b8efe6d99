import { createNgramHasher, type NgramHasher } from '../../text/ngram-hashes.ts'

/** Different n-grams among all (Li et al. 2016, arXiv 1510.03055). */
interface Distinct {
  readonly n: number
  readonly ngrams: number
  readonly distinct: number
  readonly share: number
  /** The same of the first `wordBudget` words alone, as the share falls with length: comparable between corpora. Null where
   *  there are fewer. */
  readonly share_of_budget: number | null
}

export interface NgramDiversity {
  readonly words: number
  readonly distinct: readonly Distinct[]
  /** Of each text the share of its n-grams that another text has too: mean and quantiles over texts of n words or more. */
  readonly self_overlap: {
    readonly n: number
    readonly mean: number
    readonly median: number
    readonly p95: number
  }
  /** Texts that begin with the most frequent first words, as a share. */
  readonly openings: {
    readonly words: number
    readonly distinct: number
    readonly largest: readonly Opening[]
  }
}

interface Opening {
  readonly text: string
  readonly texts: number
}

/** Words over which corpora of different size are compared. */
export const wordBudget = 10_000
const overlapLength = 5
const openingWords = 4

/** How much texts repeat themselves and each other in runs of words. The order of the texts matters for the budget alone. */
export function ngramDiversity(texts: readonly string[]): NgramDiversity {
  const hasher = createNgramHasher()
  const ids = texts.map(hasher.ids)
  return {
    words: ids.reduce((sum, { length }) => sum + length, 0),
    distinct: [1, 2, 3, 4].map((n) => distinctOf(hasher, ids, n)),
    self_overlap: { n: overlapLength, ...overlapOf(hasher, ids, overlapLength) },
    openings: openingsOf(texts),
  }
}

function distinctOf(hasher: NgramHasher, ids: readonly Uint32Array[], n: number): Distinct {
  const all = ids.map((of) => hasher.hashes(of, n))
  const ngrams = all.reduce((sum, { length }) => sum + length, 0)
  const distinct = countDistinct(all, ngrams)
  let [budget, taken] = [wordBudget, 0]
  while (taken < ids.length && budget >= (ids[taken]?.length ?? 0)) budget -= ids[taken++]?.length ?? 0
  const first = all.slice(0, taken)
  const inBudget = first.reduce((sum, { length }) => sum + length, 0)
  const whole = taken < ids.length && inBudget > 0
  return {
    n,
    ngrams,
    distinct,
    share: ngrams === 0 ? 1 : distinct / ngrams,
    share_of_budget: whole ? countDistinct(first, inBudget) / inBudget : null,
  }
}

function countDistinct(parts: readonly Float64Array[], total: number): number {
  const sorted = joined(parts, total).sort()
  let distinct = 0
  for (let i = 0; i < sorted.length; i++) if (i === 0 || sorted[i] !== sorted[i - 1]) distinct++
  return distinct
}

function joined(parts: readonly Float64Array[], total: number): Float64Array {
  const all = new Float64Array(total)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function overlapOf(
  hasher: NgramHasher,
  ids: readonly Uint32Array[],
  n: number,
): { mean: number; median: number; p95: number } {
  const own = ids.map((of) => Float64Array.from(new Set(hasher.hashes(of, n))))
  const sorted = joined(
    own,
    own.reduce((sum, { length }) => sum + length, 0),
  ).sort()
  const shared = new Set<number>()
  for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) shared.add(sorted[i] as number)
  const shares = own.flatMap((grams) =>
    grams.length === 0 ? [] : [grams.filter((gram) => shared.has(gram)).length / grams.length],
  )
  shares.sort((a, b) => a - b)
  const mean = shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length)
  return { mean, median: quantile(shares, 0.5), p95: quantile(shares, 0.95) }
}

/** Of sorted values, the smallest that at least this share of them does not exceed; 0 of none. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0

function openingsOf(texts: readonly string[]): NgramDiversity['openings'] {
  const counts = new Map<string, number>()
  for (const text of texts) {
    const opening = text.slice(0, 400).trim().split(/\s+/).slice(0, openingWords).join(' ')
    counts.set(opening, (counts.get(opening) ?? 0) + 1)
  }
  const largest = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 5)
  return {
    words: openingWords,
    distinct: counts.size,
    largest: largest.map(([text, count]) => ({ text, texts: count })),
  }
}
