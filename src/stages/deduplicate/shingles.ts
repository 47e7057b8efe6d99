/** Texts, each as its words, as the set of their runs of `size` words: distinct 32-bit hashes, ascending. No run spans two texts, and a text
 *  of fewer words is one run: what the signer of src/text takes for shingles.
 *  Two different shingles of a pair of n-shingle texts collide with probability about n^2 / 2^32: far below what a
 *  Jaccard of n shingles can tell apart. */
export function shingleSet(texts: readonly (readonly string[])[], size: number): Uint32Array {
  const found: number[] = []
  for (const words of texts) addRuns(words.map(hashOfWord), size, found)
  const runs = Uint32Array.from(found).sort()
  let distinct = 0
  for (const run of runs) if (distinct === 0 || run !== runs[distinct - 1]) runs[distinct++] = run
  return runs.subarray(0, distinct)
}

/** Shared over all: |A and B| / |A or B|; 0 where both are empty. */
export function jaccard(a: Uint32Array, b: Uint32Array): number {
  let [i, j, shared] = [0, 0, 0]
  while (i < a.length && j < b.length) {
    const [x, y] = [a[i] as number, b[j] as number]
    if (x === y) shared++
    if (x <= y) i++
    if (y <= x) j++
  }
  const all = a.length + b.length - shared
  return all === 0 ? 0 : shared / all
}

function addRuns(hashes: readonly number[], size: number, runs: number[]): void {
  const length = Math.min(size, hashes.length)
  if (length === 0) return
  for (let start = 0; start + length <= hashes.length; start++) {
    let hash = 0
    for (let i = start; i < start + length; i++) hash = Math.imul(hash, 0x01000193) + (hashes[i] as number)
    runs.push(mixed(hash))
  }
}

/** FNV-1a over UTF-16 units, then mixed: alone it leaves similar words with similar hashes. */
function hashOfWord(word: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193)
  return mixed(hash)
}

/** The finaliser of MurmurHash3. */
function mixed(hash: number): number {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
