// Hashes of words and of runs of words; ../../index/hashes.ts says the same in JavaScript.

// @ts-nocheck (compiled by asc, not by tsc)

const WORD1: u64 = 0x9e3779b97f4a7c15
const WORD2: u64 = 0xc2b2ae3d27d4eb4f
const WORD3: u64 = 0xd6e8feb86659fd93
export const BASE: u64 = 0xa0761d6478bd642f
const FINISH: u64 = 0xe7037ed1a0b428db
const LOWER: u64 = 0x2020202020202020

// @ts-ignore: decorator
@inline
function chunk(hash: u64, a: u64, b: u64): u64 {
  const x = (a ^ hash) * WORD1
  const y = (b ^ WORD3) * WORD2
  let h = x ^ rotl(y, 32)
  h = (h ^ (h >> 29)) * WORD3
  return h ^ (h >> 32)
}

/** Masks of the first 0..16 bytes, 16 bytes each: `masks` + 16 * length. */
export function fillMasks(masks: usize): void {
  for (let length = 0; length <= 16; length++)
    for (let i = 0; i < 16; i++) store<u8>(masks + (length << 4) + i, i < length ? 0xff : 0)
}

/** Hash of a word; `lower` is LOWER for ASCII of either case and 0 for normalised bytes. 16 bytes behind it are read. */
// @ts-ignore: decorator
@inline
export function hashWord(at: usize, length: u32, lower: u64, masks: usize, seed: u64): u64 {
  if (length <= 16) {
    const mask = masks + (<usize>length << 4)
    return chunk(seed, (load<u64>(at) | lower) & load<u64>(mask), (load<u64>(at, 8) | lower) & load<u64>(mask, 8))
  }
  return hashLong(at, length, lower, masks, seed)
}

function hashLong(at: usize, length: u32, lower: u64, masks: usize, seed: u64): u64 {
  let hash = seed
  for (; length > 16; length -= 16, at += 16) hash = chunk(hash, load<u64>(at) | lower, load<u64>(at, 8) | lower)
  const mask = masks + (<usize>length << 4)
  return chunk(hash, (load<u64>(at) | lower) & load<u64>(mask), (load<u64>(at, 8) | lower) & load<u64>(mask, 8))
}

/** Whether a word equals normalised bytes of the same length; both may be read 16 bytes behind their ends. */
// @ts-ignore: decorator
@inline
export function sameWord(at: usize, other: usize, length: u32, lower: u64, masks: usize): bool {
  for (; length > 16; length -= 16, at += 16, other += 16) {
    if ((load<u64>(at) | lower) != load<u64>(other) || (load<u64>(at, 8) | lower) != load<u64>(other, 8)) return false
  }
  const mask = masks + (<usize>length << 4)
  return (
    ((((load<u64>(at) | lower) ^ load<u64>(other)) & load<u64>(mask)) |
      (((load<u64>(at, 8) | lower) ^ load<u64>(other, 8)) & load<u64>(mask, 8))) == 0
  )
}

export function power(n: i32): u64 {
  let value: u64 = 1
  for (let i = 0; i < n; i++) value *= BASE
  return value
}

// @ts-ignore: decorator
@inline
export function mix(hash: u64): u64 {
  const mixed = (hash ^ (hash >> 32)) * FINISH
  return mixed ^ (mixed >> 29)
}

/** `lower` of hashWord for words that lie in the text itself. */
// @ts-ignore: decorator
@inline
export function asciiLower(): u64 {
  return LOWER
}
