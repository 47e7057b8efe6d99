import type { TextMatches, TextScanner } from '../scan.ts'
import { wordSpans } from '../word-spans.ts'
import type { TextIndex } from './build.ts'
import { gramWords, type IndexView, noGram, shortEntryWords, viewIndex } from './layout.ts'
import { type Hits, runsOf } from './runs.ts'

/** The scanner in plain JavaScript, keyed by the words themselves: the measure of the kernel, and its stand-in where
 *  there is no WASM SIMD. */
export function javascriptScanner(index: TextIndex, mostOwners: number): TextScanner {
  const view = viewIndex(index.bytes)
  const { grams, short } = readKeys(view)
  const frequency = newFrequency(view)
  let scannedWords = 0
  return {
    scan(text) {
      const { words, starts, ends } = wordSpans(text)
      scannedWords += words.length
      const hits = {
        textWords: [] as number[],
        grams: [] as number[],
        byteStarts: [] as number[],
        byteEnds: [] as number[],
      }
      for (let i = 0; i + gramWords <= words.length; i++) {
        const gram = grams.get(words.slice(i, i + gramWords).join(' '))
        if (gram === undefined) continue
        hits.textWords.push(i)
        hits.grams.push(gram)
        hits.byteStarts.push(starts[i] as number)
        hits.byteEnds.push(ends[i + gramWords - 1] as number)
      }
      const same = words.length < shortEntryWords ? (short.get(words.join(' ')) ?? none) : none
      return matchesOf(view, words.length, hits, same, mostOwners, frequency)
    },
    endDocument: frequency.endDocument,
    documentFrequency: frequency.documentFrequency,
    get scannedWords() {
      return scannedWords
    },
    gramId: (entry, word) => gramIdAt(view, entry, word),
  }
}

const none: readonly number[] = []

/** Counts of documents by 7-gram. */
export interface Frequency {
  readonly documentFrequency: Uint32Array
  readonly see: (gram: number) => void
  readonly endDocument: () => void
}

export function newFrequency({ tokens }: IndexView): Frequency {
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

/** Gram ids by 7-gram, and entries of fewer than 13 words by all their words. */
function readKeys(view: IndexView): { grams: Map<string, number>; short: Map<string, number[]> } {
  const { entryStarts, tokenIds, gramIds, wordStarts, wordBytes } = view
  const decoder = new TextDecoder()
  const bytes = wordBytes.slice()
  const vocabulary = Array.from({ length: wordStarts.length - 1 }, (_, id) =>
    decoder.decode(bytes.subarray(wordStarts[id], wordStarts[id + 1])),
  )
  const key = (from: number, to: number): string =>
    Array.from(tokenIds.subarray(from, to), (id) => vocabulary[id]).join(' ')
  const grams = new Map<string, number>()
  gramIds.forEach((gram, place) => {
    if (gram === place) grams.set(key(place, place + gramWords), gram)
  })
  const short = new Map<string, number[]>()
  for (let entry = 0; entry < view.entries; entry++) {
    const [from, to] = [entryStarts[entry] as number, entryStarts[entry + 1] as number]
    if (from === to || to - from >= shortEntryWords) continue
    const all = key(from, to)
    const found = short.get(all)
    if (found === undefined) short.set(all, [entry])
    else found.push(entry)
  }
  return { grams, short }
}
