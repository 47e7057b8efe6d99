import { buildTextIndex, createTextScanner } from '../../../text/scan.ts'
import { words } from '../../../text/words.ts'
import { type IndexedText, indexedText, ratioOf, sharedNgrams } from '../evidence.ts'
import { pairsOf } from '../pairs.ts'

/** A text that looks like an item in other words or with other numbers; for people to look at. */
export interface Suspicion {
  readonly item: IndexedText
  /** Share of the weight of the item's words that the text has, 0 to 1. */
  readonly paraphrase: number
  /** The text has all numbers of the item, and the item has some. */
  readonly numbers: boolean
  /** 7-gram ratio with every number masked. */
  readonly masked: number
  readonly kind: 'paraphrase' | 'numbers changed'
}

export interface ScreenOptions {
  /** Paraphrase score from which a text is shown. Ours, chosen on GSM8K's training set against its test set. */
  readonly leastParaphrase?: number
  /** Masked ratio from which a text is shown. */
  readonly leastMasked?: number
}

export const screenDefaults = { leastParaphrase: 0.6, leastMasked: 0.5 } as const

/** Finds the items that a text may paraphrase or vary; nothing is removed on its word.
 *  Paraphrase: the item's words weighted by how rare they are among all items (inverse document frequency), numbers
 *  apart; a text within three lengths of the item that has enough of the weight and all of its numbers.
 *  Variant: the 7-gram ratio over texts in which every number is 0. */
export type Screen = (text: string) => Suspicion[]

export async function createScreen(
  questions: readonly IndexedText[],
  {
    leastParaphrase = screenDefaults.leastParaphrase,
    leastMasked = screenDefaults.leastMasked,
  }: ScreenOptions = {},
): Promise<Screen> {
  const profiles = profilesOf(questions)
  const byRareWord = invert(profiles)
  const masked = questions.map((item) => indexedText({ ...item, text: masking(words(item.text)) }))
  const scanner = await createTextScanner(buildTextIndex(masked.map(({ text }) => text)))
  const encoder = new TextEncoder()

  const variants = (own: readonly string[]): Map<number, number> => {
    const text = masking(own)
    const pairs = pairsOf(text, scanner.scan(encoder.encode(text)), masked)
    return new Map(pairs.map((pair) => [pair.entry, ratioOf(pair, sharedNgrams(pair, 7).length)]))
  }
  return (text) => {
    const own = words(text)
    const ratios = variants(own)
    const scores = paraphrases(own, profiles, byRareWord)
    const entries = [...new Set([...ratios.keys(), ...scores.keys()])].sort((a, b) => a - b)
    return entries.flatMap((entry) => {
      const found = scores.get(entry) ?? { score: 0, numbers: false }
      const ratio = ratios.get(entry) ?? 0
      const isVariant = ratio >= leastMasked
      if (!isVariant && (found.score < leastParaphrase || !found.numbers)) return []
      const suspicion = { paraphrase: found.score, numbers: found.numbers, masked: ratio }
      return [
        {
          item: questions[entry] as IndexedText,
          ...suspicion,
          kind: isVariant && !found.numbers ? ('numbers changed' as const) : ('paraphrase' as const),
        },
      ]
    })
  }
}

interface Profile {
  /** Weight of each distinct word that is no number. */
  readonly weights: ReadonlyMap<string, number>
  readonly total: number
  readonly rarest: readonly string[]
  readonly numbers: ReadonlySet<string>
  readonly size: number
}

/** Words by which candidates are found; two of them must be there. */
const rarestWords = 8

function profilesOf(items: readonly IndexedText[]): Profile[] {
  const sets = items.map((item) => words(item.text))
  const frequency = new Map<string, number>()
  for (const set of sets) for (const word of new Set(set)) frequency.set(word, (frequency.get(word) ?? 0) + 1)
  return sets.map((all) => {
    const distinct = [...new Set(all)]
    const weights = new Map(
      distinct
        .filter((word) => !isNumber(word))
        .map((word) => [word, Math.log((items.length + 1) / (frequency.get(word) ?? 1))]),
    )
    return {
      weights,
      total: [...weights.values()].reduce((sum, weight) => sum + weight, 0),
      rarest: [...weights]
        .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
        .slice(0, rarestWords)
        .map(([word]) => word),
      numbers: new Set(distinct.filter(isNumber)),
      size: all.length,
    }
  })
}

function invert(profiles: readonly Profile[]): ReadonlyMap<string, readonly number[]> {
  const owners = new Map<string, number[]>()
  profiles.forEach(({ rarest }, entry) => {
    for (const word of rarest) {
      const known = owners.get(word)
      if (known === undefined) owners.set(word, [entry])
      else known.push(entry)
    }
  })
  return owners
}

function paraphrases(
  own: readonly string[],
  profiles: readonly Profile[],
  byRareWord: ReadonlyMap<string, readonly number[]>,
): Map<number, { score: number; numbers: boolean }> {
  const distinct = new Set(own)
  const votes = new Map<number, number>()
  for (const word of distinct)
    for (const entry of byRareWord.get(word) ?? []) votes.set(entry, (votes.get(entry) ?? 0) + 1)
  const found = new Map<number, { score: number; numbers: boolean }>()
  for (const [entry, shared] of votes) {
    if (shared < 2) continue
    const profile = profiles[entry] as Profile
    const best = bestWindow(own, distinct, profile)
    if (best !== null) found.set(entry, best)
  }
  return found
}

/** The best of the windows of three lengths of the item that overlap by half; the whole text where it is no longer. */
function bestWindow(
  own: readonly string[],
  distinct: ReadonlySet<string>,
  profile: Profile,
): { score: number; numbers: boolean } | null {
  const whole = scoreIn(distinct, profile)
  const size = Math.max(60, profile.size * 3)
  if (own.length <= size || whole.score < screenDefaults.leastParaphrase / 2) return whole
  let best: { score: number; numbers: boolean } | null = null
  for (let start = 0; start < own.length; start += size >> 1) {
    const found = scoreIn(new Set(own.slice(start, start + size)), profile)
    if (best === null || Number(found.numbers) - Number(best.numbers) > 0 || found.score > best.score)
      best = found
  }
  return best
}

function scoreIn(
  there: ReadonlySet<string>,
  { weights, total, numbers }: Profile,
): { score: number; numbers: boolean } {
  let sum = 0
  for (const [word, weight] of weights) if (there.has(word)) sum += weight
  return {
    score: total === 0 ? 0 : sum / total,
    numbers: numbers.size > 0 && [...numbers].every((number) => there.has(number)),
  }
}

const isNumber = (word: string): boolean => /^\p{N}+$/u.test(word)
const masking = (all: readonly string[]): string => all.map((word) => (isNumber(word) ? '0' : word)).join(' ')
