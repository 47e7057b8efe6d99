import type { TextIndex } from '../index/build.ts'
import { frequencyOf, gramIdAt, matchesOf } from '../index/matches.ts'
import { noGram, viewIndex } from '../index/layout.ts'
import type { Hits } from '../index/runs.ts'
import type { Signed, SignatureShape } from '../minhash.ts'
import type { SigningScanner, TextMatches } from '../scan.ts'
import { blobStart } from './module.ts'
import { openSession, type Session } from './session.ts'
import { newSigning } from './signer.ts'

/** The scanner on the SIMD kernel, over the memory that holds the index. */
export function kernelScanner(
  { bytes, memory }: TextIndex,
  mostOwners: number,
  shape: SignatureShape | undefined,
): SigningScanner {
  const view = viewIndex(bytes)
  const frequency = frequencyOf(view)
  const signing = shape && newSigning(shape)
  const session = openSession(memory, signing?.slots ?? 0, shape?.shingle ?? 0)
  const { wasm } = session
  wasm.openIndex(blobStart)
  signing?.install(session)
  const same = sameEntries(view.shortNext)
  let scannedWords = 0
  const finish = (): TextMatches | null => {
    const hits = readHits(session)
    const words = wasm.wordsRead()
    scannedWords += words
    const equal = wasm.equalEntry()
    if (hits === null && equal < 0) return null
    return matchesOf(view, words, hits ?? noHits, equal < 0 ? [] : same(equal), mostOwners, frequency)
  }
  return {
    scan(text) {
      session.begin(text, true, false)
      return finish()
    },
    scanAndSign(text) {
      session.begin(text, true, true)
      const matches = finish()
      return { matches, signed: signing?.read(session) as Signed }
    },
    endDocument: frequency.endDocument,
    documentFrequency: frequency.documentFrequency,
    get scannedWords() {
      return scannedWords
    },
    gramId: (entry, word) => gramIdAt(view, entry, word),
  }
}

const noHits: Hits = { textWords: [], grams: [], byteStarts: [], byteEnds: [] }

/** Runs the text to its end. The kernel stops where its list of hits may not hold those of another batch. */
function readHits({ wasm, view32 }: Session): Hits | null {
  let hits: { [List in keyof Hits]: number[] } | null = null
  for (let more = true; more;) {
    more = wasm.advance() !== 0
    const count = wasm.hitsFound()
    if (count === 0) continue
    hits ??= { textWords: [], grams: [], byteStarts: [], byteEnds: [] }
    const found = view32(wasm.hitsAt(), 4 * count)
    for (let i = 0; i < found.length; i += 4) {
      hits.textWords.push(found[i] as number)
      hits.grams.push(found[i + 1] as number)
      hits.byteStarts.push(found[i + 2] as number)
      hits.byteEnds.push(found[i + 3] as number)
    }
  }
  return hits
}

/** Entries equal to a short entry, which is the first of them; each list is made once. */
function sameEntries(shortNext: Uint32Array): (first: number) => readonly number[] {
  const lists = new Map<number, readonly number[]>()
  return (first) => {
    const known = lists.get(first)
    if (known !== undefined) return known
    const list: number[] = []
    for (let entry = first; entry !== noGram; entry = shortNext[entry] as number) list.push(entry)
    lists.set(first, list)
    return list
  }
}
