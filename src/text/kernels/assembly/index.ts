// The index's blob (../../index/layout.ts): its sections, looking an n-gram up, and filling filters and tables.

// @ts-nocheck (compiled by asc, not by tsc)

import { BASE, hashWord, mix, power, sameWord } from './hash'

export const GRAM: i32 = 7
export const PREFILTER: i32 = 5
export const NO_GRAM: u32 = 0xffffffff
const SHORT: u32 = 13

export let entries: u32 = 0
export let tokens: u32 = 0
export let filterWords: u64 = 0
export let slots: u64 = 0
export let shortSlots: u64 = 0
export let hashMask: u64 = 0
export let entryStarts: usize = 0
export let tokenIds: usize = 0
export let wordStarts: usize = 0
export let wordBytes: usize = 0
export let gramIds: usize = 0
export let nextPlaces: usize = 0
export let shortNext: usize = 0
export let shortTable: usize = 0
export let filter5: usize = 0
export let filter7: usize = 0
export let table: usize = 0

// @ts-ignore: decorator
@inline
function field(blob: usize, index: usize): u32 {
  return load<u32>(blob + (index << 2))
}

/** Takes the blob's header; its memory must outlive the instance. */
export function openIndex(blob: usize): void {
  entries = field(blob, 3)
  tokens = field(blob, 4)
  const bits = field(blob, 7)
  hashMask = bits >= 64 ? ~(<u64>0) : (<u64>1 << bits) - 1
  filterWords = field(blob, 8)
  slots = field(blob, 9)
  shortSlots = field(blob, 10)
  entryStarts = blob + field(blob, 16)
  tokenIds = blob + field(blob, 17)
  wordStarts = blob + field(blob, 18)
  wordBytes = blob + field(blob, 19)
  gramIds = blob + field(blob, 20)
  nextPlaces = blob + field(blob, 21)
  shortNext = blob + field(blob, 22)
  shortTable = blob + field(blob, 23)
  filter5 = blob + field(blob, 24)
  filter7 = blob + field(blob, 25)
  table = blob + field(blob, 26)
}

// @ts-ignore: decorator
@inline
export function at32(base: usize, index: u32): u32 {
  return load<u32>(base + (<usize>index << 2))
}

/** Position in a table of `size` that a hash belongs to, by its upper half. */
// @ts-ignore: decorator
@inline
export function place(hash: u64, size: u64): usize {
  return <usize>(((hash >> 32) * size) >> 32)
}

/** Three of a filter word's 64 bits, by the hash's lower half. */
// @ts-ignore: decorator
@inline
export function bits(hash: u64): u64 {
  return ((<u64>1) << (hash & 63)) | ((<u64>1) << ((hash >> 6) & 63)) | ((<u64>1) << ((hash >> 12) & 63))
}

// @ts-ignore: decorator
@inline
function addBits(filter: usize, hash: u64): void {
  const at = filter + (place(hash, filterWords) << 3)
  store<u64>(at, load<u64>(at) | bits(hash))
}

// @ts-ignore: decorator
@inline
export function tagged(hash: u64, value: u32): u64 {
  return (hash << 32) | (value + 1)
}

function hashToken(token: u32, masks: usize): u64 {
  const id = at32(tokenIds, token)
  const start = at32(wordStarts, id)
  return hashWord(wordBytes + start, at32(wordStarts, id + 1) - start, 0, masks, 0)
}

function sameTokens(a: u32, b: u32, count: u32): bool {
  for (let i: u32 = 0; i < count; i++) if (at32(tokenIds, a + i) != at32(tokenIds, b + i)) return false
  return true
}

/** Fills gramIds and nextPlaces and returns the number of distinct 7-grams. `scratch` is a zeroed table of
 *  `scratchSlots` u64, more than there are tokens; `last` takes u32[tokens]; `ring` takes u64[8]. */
export function linkGrams(scratch: usize, scratchSlots: u32, last: usize, ring: usize, masks: usize): u32 {
  const top = power(GRAM)
  let grams: u32 = 0
  for (let entry: u32 = 0; entry < entries; entry++) {
    const start = at32(entryStarts, entry)
    const end = at32(entryStarts, entry + 1)
    let prefix: u64 = 0
    store<u64>(ring, 0)
    for (let i: u32 = 0; i < end - start; i++) {
      prefix = prefix * BASE + hashToken(start + i, masks)
      store<u64>(ring + (((i + 1) & 7) << 3), prefix)
      store<u32>(gramIds + (<usize>(start + i) << 2), NO_GRAM)
      store<u32>(nextPlaces + (<usize>(start + i) << 2), NO_GRAM)
      if (i + 1 < <u32>GRAM) continue
      const first = start + i + 1 - GRAM
      const hash = mix(prefix - load<u64>(ring + (((i + 1 - GRAM) & 7) << 3)) * top) & hashMask
      let slot = place(hash, scratchSlots)
      let gram = first
      for (;;) {
        const value = load<u64>(scratch + (slot << 3))
        if (value == 0) {
          store<u64>(scratch + (slot << 3), tagged(hash, first))
          grams++
          break
        }
        if (<u32>(value >> 32) == <u32>hash && sameTokens(<u32>value - 1, first, GRAM)) {
          gram = <u32>value - 1
          store<u32>(nextPlaces + (<usize>at32(last, gram) << 2), first)
          break
        }
        if (++slot == scratchSlots) slot = 0
      }
      store<u32>(gramIds + (<usize>first << 2), gram)
      store<u32>(last + (<usize>gram << 2), first)
    }
  }
  return grams
}

/** Fills the filters and tables, which are zeroed and sized, from the texts and gramIds. `last` takes u32[entries]. */
export function fillTables(last: usize, ring: usize, masks: usize): void {
  const top5 = power(PREFILTER)
  const top7 = power(GRAM)
  for (let entry: u32 = 0; entry < entries; entry++) {
    const start = at32(entryStarts, entry)
    const count = at32(entryStarts, entry + 1) - start
    let prefix: u64 = 0
    store<u64>(ring, 0)
    for (let i: u32 = 0; i < count; i++) {
      prefix = prefix * BASE + hashToken(start + i, masks)
      store<u64>(ring + (((i + 1) & 7) << 3), prefix)
      if (count >= <u32>GRAM && i + 1 >= <u32>PREFILTER)
        addBits(filter5, mix(prefix - load<u64>(ring + (((i + 1 - PREFILTER) & 7) << 3)) * top5) & hashMask)
      if (i + 1 < <u32>GRAM) continue
      const gram = start + i + 1 - GRAM
      if (at32(gramIds, gram) != gram) continue
      const hash = mix(prefix - load<u64>(ring + (((i + 1 - GRAM) & 7) << 3)) * top7) & hashMask
      addBits(filter7, hash)
      let slot = place(hash, slots)
      while (load<u64>(table + (slot << 3)) != 0) if (++slot == <usize>slots) slot = 0
      store<u64>(table + (slot << 3), tagged(hash, gram))
    }
    store<u32>(shortNext + (<usize>entry << 2), NO_GRAM)
    if (count > 0 && count < SHORT) addShort(entry, mix(prefix) & hashMask, last)
  }
}

function addShort(entry: u32, hash: u64, last: usize): void {
  const start = at32(entryStarts, entry)
  const count = at32(entryStarts, entry + 1) - start
  let slot = place(hash, shortSlots)
  for (;;) {
    const value = load<u64>(shortTable + (slot << 3))
    if (value == 0) break
    const first = <u32>value - 1
    const firstStart = at32(entryStarts, first)
    if (
      <u32>(value >> 32) == <u32>hash &&
      at32(entryStarts, first + 1) - firstStart == count &&
      sameTokens(firstStart, start, count)
    ) {
      store<u32>(shortNext + (<usize>at32(last, first) << 2), entry)
      store<u32>(last + (<usize>first << 2), entry)
      return
    }
    if (++slot == <usize>shortSlots) slot = 0
  }
  store<u64>(shortTable + (slot << 3), tagged(hash, entry))
  store<u32>(last + (<usize>entry << 2), entry)
}

/** Whether a word is the one of a token. */
// @ts-ignore: decorator
@inline
export function isToken(token: u32, at: usize, length: u32, lower: u64, masks: usize): bool {
  const id = at32(tokenIds, token)
  const start = at32(wordStarts, id)
  return at32(wordStarts, id + 1) - start == length && sameWord(at, wordBytes + start, length, lower, masks)
}
