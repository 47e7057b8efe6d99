import { words } from './words.ts'

/** Numbers of 53 bits for the n-grams of texts: equal n-grams have equal numbers, and of n different ones about
 *  n * n / 2^54 pairs do too: one in a thousand texts of ten million n-grams. */
export interface NgramHasher {
  /** Ids of the words of a text, to be hashed in runs of any length. */
  readonly ids: (text: string) => Uint32Array
  /** Of each run of n words, in order; none for a text of fewer. */
  readonly hashes: (ids: Uint32Array, n: number) => Float64Array
}

export function createNgramHasher(): NgramHasher {
  const known = new Map<string, number>()
  const idOf = (word: string): number => {
    const found = known.get(word)
    if (found !== undefined) return found
    known.set(word, known.size)
    return known.size - 1
  }
  return {
    ids: (text) => Uint32Array.from(words(text), idOf),
    hashes: (ids, n) => {
      const found = new Float64Array(Math.max(0, ids.length - n + 1))
      for (let at = 0; at < found.length; at++) found[at] = hashOf(ids, at, n)
      return found
    },
  }
}

/** Two chains of multiply and xor-shift, the constants of MurmurHash3's finalisers. */
function hashOf(ids: Uint32Array, at: number, n: number): number {
  let [low, high] = [0x811c9dc5, 0x9747b28c]
  for (let i = at; i < at + n; i++) {
    const id = ids[i] as number
    low = Math.imul(low ^ id, 0x85ebca6b)
    low ^= low >>> 13
    high = Math.imul(high ^ Math.imul(id, 0xcc9e2d51), 0xc2b2ae35)
    high ^= high >>> 16
  }
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}
