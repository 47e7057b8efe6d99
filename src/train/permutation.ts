import { seedFor } from '../statistics/random.ts'

/** A random order of 0..count-1 in constant memory: where position p goes, for any p alone. A Feistel network of six
 *  rounds over the next power of four, walked until it falls inside (Black and Rogaway 2002, "Ciphers with arbitrary
 *  finite domains", section 5: cycle walking). */
export function permutation(
  count: number,
  ...key: readonly (string | number)[]
): (position: number) => number {
  const half = Math.max(1, Math.ceil(Math.log2(Math.max(2, count)) / 2))
  const mask = 2 ** half - 1
  const keys = Array.from({ length: 6 }, (_, round) => seedFor('permutation', round, ...key))
  const once = (value: number): number => {
    let left = Math.floor(value / 2 ** half)
    let right = value & mask
    for (const roundKey of keys) [left, right] = [right, left ^ (mixed(right ^ roundKey) & mask)]
    return left * 2 ** half + right
  }
  return (position) => {
    let value = once(position)
    while (value >= count) value = once(value)
    return value
  }
}

/** The finaliser of MurmurHash3 (Appleby 2011, public domain): every bit of the input moves every bit of the output. */
function mixed(value: number): number {
  let x = value >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
