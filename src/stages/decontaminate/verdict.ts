import { FulcrumError } from '../../errors.ts'
import type { SharedNgrams } from '../../text/ngram-index.ts'
import { normalise } from '../../text/words.ts'

/** Thresholds on the 7-gram ratio. The paper does not publish them; these are our choice. */
export interface Thresholds {
  /** Above it a text is at least partial. */
  readonly info: number
  /** From it on a text is contaminated. */
  readonly contaminated: number
}

export const defaultThresholds: Thresholds = { info: 0.2, contaminated: 0.5 }

/** 13-grams that are common in any text, as published (Phi-4, appendix B.1). The second has 12 clean words: the paper
 *  counts an empty last token. */
export const commonNgrams: readonly string[] = [
  'a i only b ii only c iii only d ii and iii',
  'a true true b false false c true false d false true',
  'logically equivalent b contradictory c neither logically equivalent nor contradictory but consistent d',
  'a (ii) and (iv) only b (i) and (iii) only c (i) (ii)',
  'b e b a b e c c b d c e d',
]

type Status = 'clean' | 'partial' | 'contaminated'

/** The verdict on one text, with the evidence for it. */
export interface TextVerdict {
  readonly status: Status
  /** What decided: a 13-gram, the 7-gram ratio, or equality with a short item. */
  readonly rule: '13-gram' | '7-gram' | 'short item' | null
  /** Indexed text that decided; null for clean texts. */
  readonly entry: number | null
  /** Ratio with that entry; for a clean text the largest ratio with any. In [0, 1]. */
  readonly ratio7: number
  /** First shared 13-gram that is not allowed. */
  readonly ngram13: string | null
}

/** Algorithm 1 of Phi-4, appendix B.1, on what the index found. The 13-gram rule comes first and one 13-gram is enough;
 *  of several entries that share one, the entry with the largest ratio is named. */
export function judge(
  shared: readonly SharedNgrams[],
  { info, contaminated }: Thresholds,
  isAllowed: (ngram13: string) => boolean,
): TextVerdict {
  const byRatio = [...shared].sort((a, b) => b.ratio7 - a.ratio7 || a.entry - b.entry)
  for (const { entry, ratio7, ngrams13 } of byRatio) {
    const ngram13 = ngrams13.find((ngram) => !isAllowed(ngram))
    if (ngram13 !== undefined) return { status: 'contaminated', rule: '13-gram', entry, ratio7, ngram13 }
  }
  const [largest] = byRatio
  const ratio7 = largest?.ratio7 ?? 0
  if (largest === undefined || ratio7 <= info) {
    return { status: 'clean', rule: null, entry: null, ratio7, ngram13: null }
  }
  const status = ratio7 >= contaminated ? 'contaminated' : 'partial'
  return { status, rule: '7-gram', entry: largest.entry, ratio7, ngram13: null }
}

/** Whether a shared 13-gram is too common to count: it holds an allowed phrase, or lies in a longer one. */
export function allowList(phrases: readonly string[]): (ngram13: string) => boolean {
  const padded = phrases.map((phrase) => {
    const normalised = normalise(phrase)
    if (normalised.split(' ').length < 7) {
      throw new FulcrumError(
        'config',
        `The allowed phrase "${phrase}" has fewer than 7 words`,
        'Give the common 13-gram in full: a short phrase would allow too much.',
      )
    }
    return ` ${normalised} `
  })
  return (ngram13) => {
    const wanted = ` ${ngram13} `
    return padded.some((phrase) => wanted.includes(phrase) || phrase.includes(wanted))
  }
}
