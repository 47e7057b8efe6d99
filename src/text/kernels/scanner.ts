import type { TextIndex } from '../index/build.ts'
import { gramIdAt, newCollector } from '../index/matches.ts'
import { noGram, viewIndex } from '../index/layout.ts'
import { type Hits, hitSize } from '../index/runs.ts'
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
  const collector = newCollector(view, mostOwners)
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
    if (hits === noHits && equal < 0) return null
    return collector.matches(words, hits, equal < 0 ? [] : same(equal))
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
    endDocument: collector.endDocument,
    documentFrequency: collector.documentFrequency,
    get scannedWords() {
      return scannedWords
    },
    gramId: (entry, word) => gramIdAt(view, entry, word),
  }
}

const noHits: Hits = new Uint32Array(0)

/** Runs the text to its end. The kernel stops where its list of hits may not hold those of another batch. */
function readHits({ wasm, view32 }: Session): Hits {
  const lists: Hits[] = []
  for (let more = true; more;) {
    more = wasm.advance() !== 0
    const count = hitSize * wasm.hitsFound()
    if (count > 0) lists.push(new Uint32Array(view32(wasm.hitsAt(), count)))
  }
  if (lists.length < 2) return lists[0] ?? noHits
  const hits = new Uint32Array(lists.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of lists) {
    hits.set(list, at)
    at += list.length
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
