import type { TextMatches } from '../scan.ts'
import { type IndexView, noGram } from './layout.ts'
import { type Hits, hitSize, runFinder } from './runs.ts'

/** What a scanner does with the hits of its texts, however it found them. */
export interface Collector {
  readonly documentFrequency: Uint32Array
  readonly endDocument: () => void
  /** Counts the hits and makes runs of them; null without hits and equal entries. */
  readonly matches: (words: number, hits: Hits, same: readonly number[]) => TextMatches | null
}

export function newCollector(view: IndexView, mostOwners: number): Collector {
  const documentFrequency = new Uint32Array(view.tokens)
  /** Document in which a 7-gram was seen last, from 1. */
  const seen = new Uint32Array(view.tokens)
  let document = 1
  const runsOf = runFinder(view, mostOwners)
  return {
    documentFrequency,
    endDocument() {
      if (document < 0xffffffff) document++
      else {
        seen.fill(0)
        document = 1
      }
    },
    matches(words, hits, same) {
      if (hits.length === 0 && same.length === 0) return null
      for (let i = 1; i < hits.length; i += hitSize) {
        const gram = hits[i] as number
        if (seen[gram] === document) continue
        seen[gram] = document
        ;(documentFrequency[gram] as number)++
      }
      return { words, runs: runsOf(hits), same }
    },
  }
}

export function gramIdAt({ entryStarts, gramIds }: IndexView, entry: number, word: number): number {
  const place = (entryStarts[entry] as number) + word
  if (!(place < (entryStarts[entry + 1] as number))) return -1
  const gram = gramIds[place] as number
  return gram === noGram ? -1 : gram
}
