/** How many distinct n-grams a text has. Exact: a hash only proposes, the words decide. Linear, and about 20 bytes a
 *  word, so that a training text of any length can be counted when it is suspected. */
export function distinctNgrams(words: readonly string[], n: number): number {
  const grams = words.length - n + 1
  if (grams <= 0) return 0
  const ids = idsOf(words)
  const mask = 2 ** Math.ceil(Math.log2(grams * 2)) - 1
  const slots = new Int32Array(mask + 1).fill(-1)
  let distinct = 0
  for (let start = 0; start < grams; start++) {
    let hash = 0
    for (let k = 0; k < n; k++) hash = (Math.imul(hash, 0x9e3779b1) + (ids[start + k] as number) + 1) | 0
    let slot = (hash ^ (hash >>> 15)) & mask
    while ((slots[slot] as number) >= 0 && !equal(ids, slots[slot] as number, start, n))
      slot = (slot + 1) & mask
    if ((slots[slot] as number) >= 0) continue
    slots[slot] = start
    distinct++
  }
  return distinct
}

function idsOf(words: readonly string[]): Int32Array {
  const known = new Map<string, number>()
  return Int32Array.from(words, (word) => {
    let id = known.get(word)
    if (id === undefined) known.set(word, (id = known.size))
    return id
  })
}

function equal(ids: Int32Array, a: number, b: number, n: number): boolean {
  for (let k = 0; k < n; k++) if (ids[a + k] !== ids[b + k]) return false
  return true
}
