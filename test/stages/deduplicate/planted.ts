import { type Random, rngFor } from '../../../src/statistics/random.ts'
import type { CorpusDocument } from '../../../src/stages/deduplicate/documents.ts'

/** `count` words that no other draw repeats but by chance: of 2^20 made-up ones. */
export const randomWords = (random: Random, count: number): string[] =>
  Array.from({ length: count }, () => `w${random.below(2 ** 20).toString(36)}`)

/** The words with a share of them, in expectation, replaced by new ones. */
export const edited = (words: readonly string[], share: number, random: Random): string[] =>
  words.map((word) => (random.next() < share ? `e${random.below(2 ** 20).toString(36)}` : word))

/** Pairs of neighbours: an original of `words` words and its edited copy, with the given rate of edits. */
export function plantedPairs(count: number, words: number, rates: readonly number[], seed: string): string[] {
  return Array.from({ length: count }, (_, i) => {
    const random = rngFor('planted', seed, i)
    const original = randomWords(random, words)
    return [original.join(' '), edited(original, rates[i % rates.length] as number, random).join(' ')]
  }).flat()
}

/** Texts as a corpus that can be read again and again. */
export function corpusOf(texts: readonly string[], passRates: readonly (number | null)[] = []) {
  return async function* (): AsyncGenerator<CorpusDocument> {
    await Promise.resolve()
    for (const [i, text] of texts.entries()) yield { texts: [text], passRate: passRates[i] ?? null }
  }
}
