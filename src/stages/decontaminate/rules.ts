import { coverage, longestRun, type Pair, ratioOf, sharedNgrams, type SharedNgram } from './evidence.ts'
import type { PhraseList } from './phrases.ts'

export type Status = 'clean' | 'partial' | 'contaminated'

/** What a rule decided by; the order is the order of Algorithm 1, with our extensions before it. */
export const reasons = [
  'denied',
  'short item',
  '13-gram',
  '7-gram',
  '8-grams',
  'tokens',
  'longest run',
] as const
type Reason = (typeof reasons)[number]

export interface Thresholds {
  /** Above it a text is at least partial. */
  readonly info: number
  /** From it on a text is contaminated. */
  readonly contaminated: number
}

/** Everything a verdict depends on besides evidence. */
export interface Judging extends Thresholds {
  readonly rule: RuleName
  readonly allow: PhraseList
  readonly deny: PhraseList
  /** A ratio over fewer 7-grams counts only if the whole item is in the text. Not from the paper: a text of eight common
   *  words has two 7-grams, and both may be in an item by chance. 1 is Algorithm 1 as published. */
  readonly leastNgrams: number
  /** Whether the 7-gram at a word of an indexed text is so frequent in the corpus that it does not count. */
  readonly isCommon: (entry: number, word: number) => boolean
}

/** One pair's verdict. */
export interface PairVerdict {
  readonly status: Status
  readonly reason: Reason | null
  /** What the rule measures, 0 to 1. */
  readonly score: number
  /** The n-gram that decided, where one did. */
  readonly ngram: string | null
  /** n-grams that would have counted but for an allow-list or their frequency. */
  readonly excluded: readonly string[]
}

type Measured = Omit<PairVerdict, 'excluded'> & { readonly excluded?: readonly string[] }

export interface Rule {
  readonly meaning: string
  /** Defaults; null where the rule has no threshold to set. */
  readonly thresholds: Thresholds | null
  readonly judge: (pair: Pair, judging: Judging) => Measured
}

const clean = (score: number, excluded: readonly string[] = []): Measured => ({
  status: 'clean',
  reason: null,
  score,
  ngram: null,
  excluded,
})

const phi4: Rule['judge'] = (pair, judging) => {
  const { counted, excluded } = counting(sharedNgrams(pair, 13), pair, judging)
  const [first] = counted
  if (first !== undefined) {
    const score = ratioOf(pair, sharedNgrams(pair, 7).length)
    return { status: 'contaminated', reason: '13-gram', score, ngram: first.ngram, excluded }
  }
  const shared = sharedNgrams(pair, 7)
  const rare = shared.filter(({ words }) => !words.every((word) => judging.isCommon(pair.entry, word)))
  const score = ratioOf(pair, rare.length)
  const left = [...excluded, ...shared.filter((gram) => !rare.includes(gram)).map(({ ngram }) => ngram)]
  if (tooFew(pair, shared.length, judging.leastNgrams)) return clean(score, left)
  return graded(score, '7-gram', judging, left)
}

const gpt3: Rule['judge'] = (pair, judging) => {
  const { counted, excluded } = counting(sharedNgrams(pair, 13), pair, judging)
  const [first] = counted
  return first === undefined
    ? clean(0, excluded)
    : { status: 'contaminated', reason: '13-gram', score: 1, ngram: first.ngram, excluded }
}

const palm70: Rule['judge'] = (pair, judging) => {
  const all = new Set(sharedNgrams({ runs: [wholeItem(pair)], item: pair.item }, 8).map(({ ngram }) => ngram))
  const { counted, excluded } = counting(sharedNgrams(pair, 8), pair, judging)
  const score = all.size === 0 ? 0 : counted.length / all.size
  return score >= judging.contaminated
    ? { status: 'contaminated', reason: '8-grams', score, ngram: null, excluded }
    : clean(score, excluded)
}

const llama2: Rule['judge'] = (pair, judging) => {
  const { runs, excluded } = countedRuns(pair, judging)
  const score = coverage(runs, 'item', pair.item.words.length, 11)
  if (score >= judging.contaminated)
    return { status: 'contaminated', reason: 'tokens', score, ngram: null, excluded }
  return score > 0 && score >= judging.info
    ? { ...clean(score, excluded), status: 'partial', reason: 'tokens' }
    : clean(score, excluded)
}

const longestMatch: Rule['judge'] = (pair, judging) => {
  const { runs, excluded } = countedRuns(pair, judging)
  const score = longestRun({ ...pair, runs, same: false }) / Math.max(1, pair.item.words.length)
  return graded(score, 'longest run', judging, excluded)
}

/** Published rules of contamination, each a function of the same evidence. */
export const rules = {
  phi4: {
    meaning: 'Phi-4, Algorithm 1: any 13-gram, else the 7-gram ratio of one item',
    // Not published: our choice.
    thresholds: { info: 0.2, contaminated: 0.5 },
    judge: phi4,
  },
  strict: {
    meaning: 'the same, contaminated from a ratio of .3',
    thresholds: { info: 0.2, contaminated: 0.3 },
    judge: phi4,
  },
  gpt3: { meaning: 'any 13-gram (GPT-3, appendix C)', thresholds: null, judge: gpt3 },
  palm70: {
    meaning: "at least 70 % of an item's 8-grams (PaLM, section 8), in one text",
    thresholds: { info: 0.7, contaminated: 0.7 },
    judge: palm70,
  },
  llama2: {
    meaning:
      "share of an item's words in matches of over 10 words (Llama 2, A.6, without skip-grams): from .8 on its tier dirty, from .2 on not clean",
    thresholds: { info: 0.2, contaminated: 0.8 },
    judge: llama2,
  },
  'longest-match': {
    meaning: "the longest match as a share of an item's words (Singh et al. 2024); thresholds are our choice",
    thresholds: { info: 0.2, contaminated: 0.5 },
    judge: longestMatch,
  },
} as const satisfies Record<string, Rule>

export type RuleName = keyof typeof rules
export const ruleNames = Object.keys(rules) as [RuleName, ...RuleName[]]

/** The verdict of the chosen rule on one pair. What all rules have besides is ours: deny and allow lists of items, and
 *  the exact key of short items. */
export function judgePair(pair: Pair, judging: Judging): PairVerdict {
  const denied = deniedBy(pair, judging.deny)
  if (denied !== null)
    return { status: 'contaminated', reason: 'denied', score: 1, ngram: denied, excluded: [] }
  if (judging.allow.holds(pair.item)) return { ...clean(0), excluded: [] }
  if (pair.same) return { status: 'contaminated', reason: 'short item', score: 1, ngram: null, excluded: [] }
  const verdict = rules[judging.rule].judge(pair, judging)
  return { ...verdict, excluded: verdict.excluded ?? [] }
}

function deniedBy({ item, runs }: Pair, deny: PhraseList): string | null {
  if (deny.empty) return null
  if (deny.holds(item)) return `${item.benchmark} item ${item.itemId}`
  for (const run of runs) {
    const found = deny.within(textOf(item.words, run))
    if (found !== null) return found
  }
  return null
}

function graded(
  score: number,
  reason: Reason,
  { info, contaminated }: Thresholds,
  excluded: readonly string[],
): Measured {
  if (score <= info) return clean(score, excluded)
  return { status: score >= contaminated ? 'contaminated' : 'partial', reason, score, ngram: null, excluded }
}

/** n-grams without those that are allowed or wholly made of common 7-grams. */
function counting(
  shared: readonly SharedNgram[],
  { entry }: Pair,
  { allow, isCommon }: Judging,
): { counted: SharedNgram[]; excluded: string[] } {
  const counted: SharedNgram[] = []
  const excluded: string[] = []
  for (const gram of shared) {
    const sevens = gram.ngram.split(' ').length - 6
    const common = gram.words.every((word) => allCommon(entry, word, sevens, isCommon))
    if (common || allow.covers(gram.ngram) !== null) excluded.push(gram.ngram)
    else counted.push(gram)
  }
  return { counted, excluded }
}

/** Runs without those that lie in an allowed phrase or are wholly made of common 7-grams. */
function countedRuns(
  { runs, item, entry }: Pair,
  { allow, isCommon }: Judging,
): { runs: Pair['runs']; excluded: string[] } {
  const excluded: string[] = []
  const counted = runs.filter((run) => {
    const text = textOf(item.words, run)
    const left = allow.contains(text) || allCommon(entry, run.entryWord, run.words - 6, isCommon)
    if (left) excluded.push(text)
    return !left
  })
  return { runs: counted, excluded }
}

function allCommon(entry: number, word: number, sevens: number, isCommon: Judging['isCommon']): boolean {
  for (let k = 0; k < sevens; k++) if (!isCommon(entry, word + k)) return false
  return true
}

const textOf = (words: readonly string[], run: { entryWord: number; words: number }): string =>
  words.slice(run.entryWord, run.entryWord + run.words).join(' ')

const wholeItem = ({ item }: Pair): Pair['runs'][number] => ({
  textWord: 0,
  entryWord: 0,
  words: item.words.length,
})

/** Whether so few 7-grams were compared that their ratio says little: fewer than `least`, and not the whole item. */
function tooFew({ textNgrams7, item }: Pair, shared: number, least: number): boolean {
  return Math.min(textNgrams7, item.ngrams7) < least && shared < item.ngrams7
}
