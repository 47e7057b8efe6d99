import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { readRecords } from '../../store/records.ts'
import { normalise } from '../../text/words.ts'
import type { IndexedText } from './evidence.ts'

/** 13-grams that are common in any text, as published (Phi-4, appendix B.1). The second has 12 clean words: the paper
 *  counts an empty last token. */
export const publishedCommon: readonly string[] = [
  'a i only b ii only c iii only d ii and iii',
  'a true true b false false c true false d false true',
  'logically equivalent b contradictory c neither logically equivalent nor contradictory but consistent d',
  'a (ii) and (iv) only b (i) and (iii) only c (i) (ii)',
  'b e b a b e c c b d c e d',
]

/** Shape of an entry of an allow or deny list. */
const listEntrySchema = z.union([
  z.strictObject({ phrase: z.string(), reason: z.string().trim().min(1) }),
  z.strictObject({ benchmark: z.string(), item: z.string(), reason: z.string().trim().min(1) }),
])

/** One entry of an allow or deny list: a phrase of at least 7 words, or an item of a benchmark; always with the reason. */
export type ListEntry = z.infer<typeof listEntrySchema>

/** Phrases and items that count for less (allow) or for more (deny) than a rule says. */
export interface PhraseList {
  /** The reason of the listed phrase that makes an n-gram common: it lies in the n-gram, or the n-gram in it; null if
   *  none does. */
  covers(ngram: string): string | null
  /** The first listed phrase that a run of words holds, or null. */
  within(run: string): string | null
  /** Whether a run of words lies in a listed phrase. */
  contains(run: string): boolean
  holds(item: Pick<IndexedText, 'benchmark' | 'itemId'>): boolean
  readonly empty: boolean
}

/** A list ready to be asked; a phrase under 7 words would allow too much and is refused. */
export function phraseList(entries: readonly ListEntry[]): PhraseList {
  const listedPhrases = entries.flatMap((entry) => ('phrase' in entry ? [entry] : []))
  const phrases = listedPhrases.map(({ phrase }) => padded(phrase))
  const items = new Set(
    entries.flatMap((entry) => ('item' in entry ? [JSON.stringify([entry.benchmark, entry.item])] : [])),
  )
  return {
    covers: (ngram) => {
      const wanted = ` ${ngram} `
      const at = phrases.findIndex((phrase) => wanted.includes(phrase) || phrase.includes(wanted))
      return listedPhrases[at]?.reason ?? null
    },
    within: (run) => phrases.find((phrase) => ` ${run} `.includes(phrase))?.trim() ?? null,
    contains: (run) => phrases.some((phrase) => phrase.includes(` ${run} `)),
    holds: ({ benchmark, itemId }) => items.size > 0 && items.has(JSON.stringify([benchmark, itemId])),
    empty: entries.length === 0,
  }
}

/** Entries of phrases that all have one reason. */
export const entriesFor = (phrases: readonly string[], reason: string): ListEntry[] =>
  phrases.map((phrase) => ({ phrase, reason }))

/** Reads a list: JSONL with {phrase, reason} or {benchmark, item, reason} a line. */
export async function readList(file: string): Promise<ListEntry[]> {
  const entries: ListEntry[] = []
  for await (const { line, value, error } of readRecords(file)) {
    const parsed = listEntrySchema.safeParse(value)
    if (parsed.data === undefined) {
      throw new FulcrumError(
        'config',
        `${file}:${line} is no entry of a list: ${error ?? 'it has other keys, or no reason'}`,
        'Write one {"phrase": ..., "reason": ...} or {"benchmark": ..., "item": ..., "reason": ...} a line.',
      )
    }
    entries.push(parsed.data)
  }
  phraseList(entries)
  return entries
}

function padded(phrase: string): string {
  const normalised = normalise(phrase)
  if (normalised.split(' ').length < 7) {
    throw new FulcrumError(
      'config',
      `The listed phrase "${phrase}" has fewer than 7 words`,
      'Give the common 13-gram in full: a short phrase would allow too much.',
    )
  }
  return ` ${normalised} `
}
