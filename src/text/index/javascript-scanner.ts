import type { Signed, SignatureShape } from '../minhash.ts'
import type { SigningScanner, TextMatches } from '../scan.ts'
import { wordSpans } from '../word-spans.ts'
import type { TextIndex } from './build.ts'
import { gramWords, type IndexView, shortEntryWords, viewIndex } from './layout.ts'
import { javascriptSigner } from './javascript-signer.ts'
import { gramIdAt, newCollector } from './matches.ts'

/** The scanner in plain JavaScript, keyed by the words themselves: the measure of the kernel, and its stand-in where
 *  there is no WASM SIMD. */
export function javascriptScanner(
  { bytes }: TextIndex,
  mostOwners: number,
  shape?: SignatureShape,
): SigningScanner {
  const view = viewIndex(bytes)
  const { grams, short } = readKeys(view)
  const collector = newCollector(view, mostOwners)
  let scannedWords = 0
  const signer = shape && javascriptSigner(shape)
  const scan = (text: Uint8Array): TextMatches | null => {
    const { words, starts, ends } = wordSpans(text)
    scannedWords += words.length
    const hits: number[] = []
    for (let i = 0; i + gramWords <= words.length; i++) {
      const gram = grams.get(words.slice(i, i + gramWords).join(' '))
      if (gram !== undefined) hits.push(i, gram, starts[i] as number, ends[i + gramWords - 1] as number)
    }
    const same = words.length < shortEntryWords ? (short.get(words.join(' ')) ?? none) : none
    return collector.matches(words.length, Uint32Array.from(hits), same)
  }
  return {
    scan,
    scanAndSign: (text) => ({ matches: scan(text), signed: signer?.sign(text) as Signed }),
    endDocument: collector.endDocument,
    documentFrequency: collector.documentFrequency,
    get scannedWords() {
      return scannedWords
    },
    gramId: (entry, word) => gramIdAt(view, entry, word),
  }
}

const none: readonly number[] = []

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
