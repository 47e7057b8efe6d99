import type { MatchRun } from '../scan.ts'
import { entryAt, gramWords, type IndexView, noGram } from './layout.ts'

/** 7-grams of one text that are in the index, in text order; one value a hit in each list. */
export interface Hits {
  /** First word of the 7-gram in the text. */
  readonly textWords: readonly number[]
  readonly grams: readonly number[]
  /** Bytes of the 7-gram in the text. */
  readonly byteStarts: readonly number[]
  readonly byteEnds: readonly number[]
}

/** The maximal runs that begin at one of the first `mostPlaces` places of a 7-gram that was hit. Every 7-gram of a run
 *  is a hit, so that hits in a row hold whole runs, and the index knows all their words. */
export function runsOf(index: IndexView, hits: Hits, mostPlaces: number): MatchRun[] {
  const runs: MatchRun[] = []
  const { textWords } = hits
  for (let from = 0, to = 0; from < textWords.length; from = to) {
    do to++
    while (to < textWords.length && textWords[to] === (textWords[to - 1] as number) + 1)
    addRuns(index, hits, from, to, mostPlaces, runs)
  }
  return runs.sort((a, b) => a.entry - b.entry || a.textWord - b.textWord || a.entryWord - b.entryWord)
}

/** Runs among the hits from..to, whose 7-grams begin at one word after the other. */
function addRuns(
  index: IndexView,
  { textWords, grams, byteStarts, byteEnds }: Hits,
  from: number,
  to: number,
  mostPlaces: number,
  runs: MatchRun[],
): void {
  const { tokenIds, entryStarts, nextPlaces } = index
  const text = new Uint32Array(to - from + gramWords - 1)
  for (let i = 0; i < text.length; i++) {
    const hit = Math.min(from + i, to - 1)
    text[i] = tokenIds[(grams[hit] as number) + from + i - hit] as number
  }
  /** Last 7-gram of the latest run on a diagonal (place less word). */
  const reached = new Map<number, number>()
  for (let word = 0; word < to - from; word++) {
    let place = grams[from + word] as number
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
      runs.push({
        entry,
        entryWord: place - start - entryStart,
        textWord: (textWords[from] as number) + word - start,
        words: start + end,
        byteStart: byteStarts[from + word - start] as number,
        byteEnd: byteEnds[from + word + end - gramWords] as number,
      })
    }
  }
}
