import { ngrams } from './ngrams.ts'

/** What one indexed text shares with a scanned one. */
export interface SharedNgrams {
  /** Position of the indexed text in the list the index was built from. */
  readonly entry: number
  /** Distinct 7-grams in both. */
  readonly shared7: number
  /** shared7 over the smaller of both texts' numbers of distinct 7-grams; in (0, 1]. */
  readonly ratio7: number
  /** Distinct 13-grams in both, in the order of the scanned text. */
  readonly ngrams13: readonly string[]
}

export interface NgramIndex {
  /** Every indexed text that shares a 7-gram, in index order. Words are compared, never hashes of them. */
  find(words: readonly string[]): SharedNgrams[]
}

/** Where a 7-gram stands: entry and position of its first word, two numbers a place. */
type Places = number[]

const short = 7
const long = 13

/** Index of texts (given as their words) by 7-gram. A 13-gram is found through its first 7-gram, so that one map
 *  serves both lengths. */
export function buildNgramIndex(texts: readonly (readonly string[])[]): NgramIndex {
  const places = new Map<string, Places>()
  const sizes = texts.map((text, entry) => {
    const runs = ngrams(text, short)
    runs.forEach((run, position) => {
      const found = places.get(run)
      if (found === undefined) places.set(run, [entry, position])
      else found.push(entry, position)
    })
    return new Set(runs).size
  })
  return {
    find(words) {
      const hits = collect(words, texts, places)
      if (hits.size === 0) return []
      const size = new Set(ngrams(words, short)).size
      return [...hits]
        .sort(([a], [b]) => a - b)
        .map(([entry, { runs7, runs13 }]) => ({
          entry,
          shared7: runs7.size,
          ratio7: runs7.size / Math.min(size, sizes[entry] as number),
          ngrams13: [...runs13],
        }))
    },
  }
}

interface Hits {
  readonly runs7: Set<string>
  readonly runs13: Set<string>
}

function collect(
  words: readonly string[],
  texts: readonly (readonly string[])[],
  places: ReadonlyMap<string, Places>,
): Map<number, Hits> {
  const hits = new Map<number, Hits>()
  const joined = words.join(' ')
  const starts = wordStarts(words)
  for (let i = 0; i + short <= words.length; i++) {
    const run = joined.slice(starts[i], (starts[i + short] as number) - 1)
    const found = places.get(run)
    if (found === undefined) continue
    for (let k = 0; k < found.length; k += 2) {
      const entry = found[k] as number
      let hit = hits.get(entry)
      if (hit === undefined) hits.set(entry, (hit = { runs7: new Set(), runs13: new Set() }))
      hit.runs7.add(run)
      if (goesOn(words, i, texts[entry] as readonly string[], found[k + 1] as number)) {
        hit.runs13.add(joined.slice(starts[i], (starts[i + long] as number) - 1))
      }
    }
  }
  return hits
}

/** Offset of each word in the words joined by spaces, and one behind the last. */
function wordStarts(words: readonly string[]): Uint32Array {
  const starts = new Uint32Array(words.length + 1)
  for (let i = 0; i < words.length; i++) {
    starts[i + 1] = (starts[i] as number) + (words[i] as string).length + 1
  }
  return starts
}

/** Whether two places that share 7 words share 13. */
function goesOn(a: readonly string[], i: number, b: readonly string[], j: number): boolean {
  if (i + long > a.length || j + long > b.length) return false
  for (let k = short; k < long; k++) if (a[i + k] !== b[j + k]) return false
  return true
}
