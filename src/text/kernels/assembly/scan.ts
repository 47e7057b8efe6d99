// Words shared with an index, and signatures, from one tokenisation. One instance a scanner; many instances may share
// the memory that holds the index.

// @ts-nocheck (compiled by asc, not by tsc)

import {
  beginBatch,
  edgeCount,
  firstWord,
  hashBatch,
  hashed,
  isRecord,
  layOutBatch,
  masks,
  prefixes,
  recordOf,
  ROOM,
  shiftBatch,
  text,
  edges,
  wordBegin,
  wordEnd,
} from './batch'
import { asciiLower, mix, power } from './hash'
import {
  at32,
  bits,
  entryStarts,
  filter5,
  filter7,
  filterWords,
  GRAM,
  gramIds,
  hashMask,
  isToken,
  NO_GRAM,
  place,
  PREFILTER,
  shortSlots,
  shortTable,
  slots,
  table,
} from './index'
import { beginSketch, layOutSketch, shiftSketch, shingle, sketchBatch, sketchNeeds } from './sketch'
import { beginText, tokenise } from './tokenise'

export { closeSide, isFull, sideRoom } from './batch'
export { fillMasks } from './hash'
export { fillTables, linkGrams, openIndex } from './index'
export { contentLower, contentUpper, signatureAt, slotHashes } from './sketch'

/** Hits that the buffer holds; a batch adds ROOM at most. */
const HITS: u32 = 8 * ROOM

/** u32[4 * HITS]: first word of a 7-gram in the text, gram id, first byte, end. */
let hits: usize = 0
let hitCount: u32 = 0
/** u32[ROOM]: first words of 5-grams that passed. */
let passed: usize = 0
let top5: u64 = 0
let top7: u64 = 0
/** Next 5-gram to probe: a multiple of 3 words from the start of the text. */
let aligned: u32 = 0
/** The last hit: its word in the text, and a place of its 7-gram in the index. */
let lastHit: u32 = 0
let lastPlace: u32 = NO_GRAM
let shortEntry: i32 = -1
let finished: bool = false
let searches: bool = false
let findsShort: bool = false
let signs: bool = false

/** Takes the scanner's memory, masks first, and how it signs (no slots: not at all); writes nothing there and returns
 *  the end of what it takes. */
export function layOut(at: usize, slotCount: u32, shingleWords: u32): usize {
  hits = layOutBatch(at)
  passed = hits + HITS * 16
  top5 = power(PREFILTER)
  top7 = power(GRAM)
  const next = passed + ROOM * 4
  return slotCount > 0 ? layOutSketch(next, slotCount, shingleWords) : next
}

export function begin(at: usize, length: u32, search: bool, sign: bool): void {
  beginBatch(at)
  beginText(length)
  aligned = 0
  lastPlace = NO_GRAM
  shortEntry = -1
  hitCount = 0
  finished = false
  searches = search && slots > 0
  findsShort = search && shortSlots > 0
  signs = sign
  if (sign) beginSketch()
}

/** Goes on until the text ends, or until the hits must be fetched: then true, and called again. */
export function advance(): bool {
  hitCount = 0
  while (!finished) {
    if (hitCount + ROOM > HITS) return true
    finished = tokenise()
    hashBatch()
    if (searches) search()
    if (signs) sketchBatch(finished)
    if (finished) {
      if (findsShort && firstWord == 0 && hashed < 13 && hashed > 0) findShort()
    } else shift()
  }
  return false
}

export function hitsAt(): usize {
  return hits
}

export function hitsFound(): u32 {
  return hitCount
}

export function wordsRead(): u32 {
  return firstWord + hashed
}

/** First entry whose words are all of the text's, or -1. */
export function equalEntry(): i32 {
  return shortEntry
}

/** Keeps what later n-grams need: two words before the next 5-gram, rounded so that it stays a multiple of 3. */
function shift(): void {
  let keep: u32 = searches ? (aligned < 3 ? 0 : aligned - 3) : hashed
  if (signs && sketchNeeds() < keep) keep = sketchNeeds()
  keep -= keep % 3
  aligned -= searches ? keep : 0
  if (signs) shiftSketch(keep)
  shiftBatch(keep)
}

/** Every 7 words hold exactly one 5-gram that begins at a multiple of 3: only where that is known to the filter are
 *  the three 7-grams around it looked up. */
function search(): void {
  const count = hashed
  // At the end of the text the last 5-gram may stand in 7-grams that begin before it.
  const reach: u32 = finished ? PREFILTER : GRAM
  const words = filterWords
  const mask = hashMask
  const top = top5
  const f = filter5
  let out = passed
  let a = aligned
  for (; a + reach <= count; a += 3) {
    const at = prefixes + ((<usize>a) << 3)
    const hash = mix(load<u64>(at, PREFILTER * 8) - load<u64>(at) * top) & mask
    const wanted = bits(hash)
    store<u32>(out, a)
    out += (<usize>((load<u64>(f + (place(hash, words) << 3)) & wanted) == wanted)) << 2
  }
  aligned = a
  for (let p = passed; p < out; p += 4) {
    const five = load<u32>(p)
    const last = min(five + 1, count >= <u32>GRAM ? count - GRAM + 1 : 0)
    for (let word: u32 = five < 2 ? 0 : five - 2; word < last; word++) look(word)
  }
}

/** Looks up the 7-gram that begins at a word of the batch. After a hit at place p the next one is most often at p + 1:
 *  then one word tells. */
function look(word: u32): void {
  if (lastPlace != NO_GRAM && firstWord + word == lastHit + 1) {
    const next = lastPlace + 1
    const gram = at32(gramIds, next)
    if (gram != NO_GRAM && isWord(word + GRAM - 1, next + GRAM - 1)) {
      hit(word, gram, next)
      return
    }
  }
  const at = prefixes + ((<usize>word) << 3)
  const hash = mix(load<u64>(at, GRAM * 8) - load<u64>(at) * top7) & hashMask
  const wanted = bits(hash)
  if ((load<u64>(filter7 + (place(hash, filterWords) << 3)) & wanted) != wanted) return
  let slot = place(hash, slots)
  for (;;) {
    const value = load<u64>(table + (slot << 3))
    if (value == 0) return
    if (<u32>(value >> 32) == <u32>hash) {
      const gram = <u32>value - 1
      let k = 0
      while (k < GRAM && isWord(word + k, gram + k)) k++
      if (k == GRAM) {
        hit(word, gram, gram)
        return
      }
    }
    if (++slot == <usize>slots) slot = 0
  }
}

function isWord(word: u32, token: u32): bool {
  if (isRecord(word)) {
    const record = recordOf(word)
    return isToken(token, load<u32>(record), load<u32>(record, 4), 0, masks)
  }
  const start = load<u32>(edges + ((<usize>word) << 3))
  return isToken(token, text + start, load<u32>(edges + ((<usize>word) << 3), 4) - start, asciiLower(), masks)
}

function hit(word: u32, gram: u32, at: u32): void {
  const out = hits + ((<usize>hitCount) << 4)
  store<u32>(out, firstWord + word)
  store<u32>(out, gram, 4)
  store<u32>(out, wordBegin(word), 8)
  store<u32>(out, wordEnd(word + GRAM - 1), 12)
  hitCount++
  lastHit = firstWord + word
  lastPlace = at
}

function findShort(): void {
  const hash = mix(load<u64>(prefixes + ((<usize>hashed) << 3))) & hashMask
  let slot = place(hash, shortSlots)
  for (;;) {
    const value = load<u64>(shortTable + (slot << 3))
    if (value == 0) return
    const entry = <u32>value - 1
    const start = at32(entryStarts, entry)
    if (<u32>(value >> 32) == <u32>hash && at32(entryStarts, entry + 1) - start == hashed) {
      let k: u32 = 0
      while (k < hashed && isWord(k, start + k)) k++
      if (k == hashed) {
        shortEntry = entry
        return
      }
    }
    if (++slot == <usize>shortSlots) slot = 0
  }
}
