import type { MatchRun } from '../scan.ts'
import { entryAt, gramWords, type IndexView, noGram } from './layout.ts'

/** 7-grams of one text that are in the index, in text order, four values each: first word in the text, gram id, first
 *  byte and end in the text. */
export type Hits = Uint32Array

/** Values of a hit. */
export const hitSize = 4

/** A run within hits in a row; `from` counts their 7-grams. */
interface SegmentRun {
  readonly entry: number
  readonly entryWord: number
  readonly from: number
  readonly words: number
}

/** Most runs that are kept for segments seen again: some tens of megabytes. */
const mostKept = 300_000

/** Finds the maximal runs that begin at one of the first `mostPlaces` places of a 7-gram that was hit. Every 7-gram of
 *  a run is a hit, so that hits in a row, a segment, hold whole runs, and the index knows all their words. What a
 *  segment with many owners came to is kept: boilerplate comes again. */
export function runFinder(index: IndexView, mostPlaces: number): (hits: Hits) => MatchRun[] {
  const known = new Map<number, { readonly grams: Uint32Array; readonly runs: readonly SegmentRun[] }>()
  let kept = 0
  const runsOf = (grams: Uint32Array): readonly SegmentRun[] => {
    const key = keyOf(grams)
    const before = known.get(key)
    if (before !== undefined && equal(before.grams, grams)) return before.runs
    const runs = segmentRuns(index, grams, mostPlaces)
    if (runs.length < 4) return runs
    if (kept > mostKept) known.clear()
    kept = (kept > mostKept ? 0 : kept) + runs.length + grams.length
    known.set(key, { grams, runs })
    return runs
  }
  return (hits) => {
    const found: MatchRun[] = []
    for (let from = 0, to = 0; from < hits.length; from = to) {
      do to += hitSize
      while (to < hits.length && hits[to] === (hits[to - hitSize] as number) + 1)
      const grams = new Uint32Array((to - from) / hitSize)
      for (let i = 0; i < grams.length; i++) grams[i] = hits[from + hitSize * i + 1] as number
      for (const run of runsOf(grams)) found.push(placed(run, hits, from))
    }
    return found.sort((a, b) => a.entry - b.entry || a.textWord - b.textWord || a.entryWord - b.entryWord)
  }
}

/** A segment's run in the text. */
function placed({ entry, entryWord, from, words }: SegmentRun, hits: Hits, segment: number): MatchRun {
  const first = segment + hitSize * from
  return {
    entry,
    entryWord,
    textWord: hits[first] as number,
    words,
    byteStart: hits[first + 2] as number,
    byteEnd: hits[first + hitSize * (words - gramWords) + 3] as number,
  }
}

/** Runs among 7-grams that begin at one word after the other. */
function segmentRuns(index: IndexView, grams: Uint32Array, mostPlaces: number): SegmentRun[] {
  const { tokenIds, entryStarts, nextPlaces } = index
  const runs: SegmentRun[] = []
  const text = new Uint32Array(grams.length + gramWords - 1)
  for (let i = 0; i < text.length; i++) {
    const gram = Math.min(i, grams.length - 1)
    text[i] = tokenIds[(grams[gram] as number) + i - gram] as number
  }
  /** Last 7-gram of the latest run on a diagonal (place less word). */
  const reached = new Map<number, number>()
  for (let word = 0; word < grams.length; word++) {
    let place = grams[word] as number
    for (let n = 0; n < mostPlaces && place !== noGram; n++, place = nextPlaces[place] as number) {
      if ((reached.get(place - word) ?? -1) >= word) continue
      const entry = entryAt(index, place)
      const entryStart = entryStarts[entry] as number
      const entryEnd = entryStarts[entry + 1] as number
      let start = 0
      while (
        start < word &&
        place - start > entryStart &&
        tokenIds[place - start - 1] === text[word - start - 1]
      )
        start++
      let end = gramWords
      while (word + end < text.length && place + end < entryEnd && tokenIds[place + end] === text[word + end])
        end++
      reached.set(place - word, word + end - gramWords)
      runs.push({ entry, entryWord: place - start - entryStart, from: word - start, words: start + end })
    }
  }
  return runs
}

function keyOf(grams: Uint32Array): number {
  let key = grams.length
  for (const gram of grams) key = (Math.imul(key, 0x9e3779b1) + gram) | 0
  return key
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
