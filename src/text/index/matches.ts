import type { TextMatches } from '../scan.ts'
import { type IndexView, noGram } from './layout.ts'
import { type Hits, runsOf } from './runs.ts'

/** Counts of documents by 7-gram. */
export interface Frequency {
  readonly documentFrequency: Uint32Array
  readonly see: (gram: number) => void
  readonly endDocument: () => void
}

export function frequencyOf({ tokens }: IndexView): Frequency {
  const documentFrequency = new Uint32Array(tokens)
  const seen = new Set<number>()
  return {
    documentFrequency,
    see(gram) {
      if (seen.has(gram)) return
      seen.add(gram)
      ;(documentFrequency[gram] as number)++
    },
    endDocument: () => {
      if (seen.size > 0) seen.clear()
    },
  }
}

/** Counts the hits and makes runs of them; null without hits and equal entries. */
export function matchesOf(
  view: IndexView,
  words: number,
  hits: Hits,
  same: readonly number[],
  mostOwners: number,
  { see }: Frequency,
): TextMatches | null {
  if (hits.grams.length === 0 && same.length === 0) return null
  hits.grams.forEach(see)
  return { words, runs: runsOf(view, hits, mostOwners), same }
}

export function gramIdAt({ entryStarts, gramIds }: IndexView, entry: number, word: number): number {
  const place = (entryStarts[entry] as number) + word
  if (!(place < (entryStarts[entry + 1] as number))) return -1
  const gram = gramIds[place] as number
  return gram === noGram ? -1 : gram
}
