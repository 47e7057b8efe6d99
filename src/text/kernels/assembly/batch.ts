// The words in hand: a batch of about a thousand, and where its parts lie in the scanner's own memory.

// @ts-nocheck (compiled by asc, not by tsc)

import { asciiLower, BASE, hashWord } from './hash'

/** Words a batch is filled to; a block of 64 bytes adds at most 32 more, and 9 are written ahead. */
export const FULL: u32 = 1024
/** Words a batch has room for. */
export const ROOM: u32 = 1152
/** New bytes of normalised words at which a batch is closed early. */
const SIDE_FULL: u32 = 65536

/** A word of another text: in `edges` it has this bit and the number of its record. */
const RECORD: u32 = 0x80000000

export let masks: usize = 0
/** u32[2 * ROOM]: first byte and end of each word in the text. */
export let edges: usize = 0
/** u64[ROOM + 1]: hash of all words before a word. */
export let prefixes: usize = 0
/** u32[4 * ROOM]: normalised bytes, their length, first byte and end in the text. */
let records: usize = 0
let recordCount: u32 = 0
/** Two buffers for normalised bytes, in turn. */
let side: usize = 0
let sideSize: u32 = 0
let otherSide: usize = 0
let otherSideSize: u32 = 0
let sideUsed: u32 = 0
let sideFull: u32 = 0
let openWord: u32 = 0

export let text: usize = 0
/** Edges written: odd while a word is open. */
export let edgeCount: u32 = 0
/** Words whose prefix is computed. */
export let hashed: u32 = 0
/** Number in the text of the batch's first word; a multiple of 3. */
export let firstWord: u32 = 0

/** More room for normalised bytes: returns the address of so many. */
// @ts-ignore: decorator
@external('env', 'claim')
declare function claim(sizeBytes: u32): usize

export function layOutBatch(at: usize): usize {
  masks = at
  edges = masks + 17 * 16
  prefixes = edges + ROOM * 8
  records = prefixes + (ROOM + 1) * 8
  side = records + ROOM * 16
  sideSize = 2 * SIDE_FULL
  otherSide = side + sideSize
  otherSideSize = sideSize
  return otherSide + otherSideSize
}

export function beginBatch(at: usize): void {
  text = at
  edgeCount = 0
  hashed = 0
  firstWord = 0
  recordCount = 0
  sideUsed = 0
  sideFull = SIDE_FULL
  store<u64>(prefixes, 0)
}

export function setEdgeCount(count: u32): void {
  edgeCount = count
}

export function isFull(): bool {
  return edgeCount >> 1 >= FULL || sideUsed >= sideFull
}

/** Begins a normalised word. */
export function openSide(): void {
  openWord = sideUsed
}

/** Appends a code point of a normalised word, below 0x10000. */
export function addPoint(point: u32): void {
  if (sideUsed + 20 > sideSize) growSide(20)
  const at = side + sideUsed
  if (point < 0x80) {
    store<u8>(at, point)
    sideUsed += 1
  } else if (point < 0x800) {
    store<u8>(at, 0xc0 | (point >> 6))
    store<u8>(at, 0x80 | (point & 0x3f), 1)
    sideUsed += 2
  } else {
    store<u8>(at, 0xe0 | (point >> 12))
    store<u8>(at, 0x80 | ((point >> 6) & 0x3f), 1)
    store<u8>(at, 0x80 | (point & 0x3f), 2)
    sideUsed += 3
  }
}

/** Room for a whole normalised word, to be written by the caller and closed. */
export function sideRoom(sizeBytes: u32): usize {
  openSide()
  if (sideUsed + sizeBytes + 20 > sideSize) growSide(sizeBytes + 20)
  const at = side + sideUsed
  sideUsed += sizeBytes
  return at
}

/** Moves the open word to a larger buffer; closed ones stay where they are, their records hold addresses. */
function growSide(sizeBytes: u32): void {
  const open = sideUsed - openWord
  const size = 2 * (open + sizeBytes) + 2 * SIDE_FULL
  const at = claim(size)
  memory.copy(at, side + openWord, open)
  side = at
  sideSize = size
  sideUsed = open
  openWord = 0
}

export function dropSide(): void {
  sideUsed = openWord
}

export function closeSide(start: u32, end: u32): void {
  addRecord(side + openWord, sideUsed - openWord, start, end)
}

function addRecord(bytes: usize, length: u32, start: u32, end: u32): void {
  const record = records + (recordCount << 4)
  store<u32>(record, bytes)
  store<u32>(record, length, 4)
  store<u32>(record, start, 8)
  store<u32>(record, end, 12)
  store<u32>(edges + (edgeCount << 2), RECORD | recordCount)
  edgeCount += 2
  recordCount++
}

/** Takes the last word back; it is the last record. */
export function popRecord(): u32 {
  recordCount--
  edgeCount -= 2
  const record = records + (recordCount << 4)
  return load<u32>(record, 8)
}

/** Moves the end of the last word, a record, in the text. */
export function extendRecord(end: u32): void {
  store<u32>(records + ((recordCount - 1) << 4), end, 12)
}

// @ts-ignore: decorator
@inline
export function isRecord(word: u32): bool {
  return <i32>load<u32>(edges + (<usize>word << 3)) < 0
}

// @ts-ignore: decorator
@inline
export function recordOf(word: u32): usize {
  return records + (<usize>(load<u32>(edges + (<usize>word << 3)) & ~RECORD) << 4)
}

export function wordBegin(word: u32): u32 {
  return isRecord(word) ? load<u32>(recordOf(word), 8) : load<u32>(edges + (<usize>word << 3))
}

export function wordEnd(word: u32): u32 {
  return isRecord(word) ? load<u32>(recordOf(word), 12) : load<u32>(edges + (<usize>word << 3), 4)
}

/** Computes the prefixes of all words that are complete. */
export function hashBatch(): void {
  const count = edgeCount >> 1
  const lower = asciiLower()
  const m = masks
  const t = text
  let i = hashed
  let prefix = load<u64>(prefixes + (<usize>i << 3))
  let edge = edges + (<usize>i << 3)
  let out = prefixes + (<usize>i << 3)
  for (; i < count; i++) {
    const start = load<u32>(edge)
    let hash: u64
    if (<i32>start >= 0) hash = hashWord(t + start, load<u32>(edge, 4) - start, lower, m, 0)
    else {
      const record = recordOf(i)
      hash = hashWord(load<u32>(record), load<u32>(record, 4), 0, m, 0)
    }
    prefix = prefix * BASE + hash
    store<u64>(out, prefix, 8)
    out += 8
    edge += 8
  }
  hashed = count
}

/** Hash of a word of the batch, from another seed. */
// @ts-ignore: decorator
@inline
export function rehash(word: u32, seed: u64): u64 {
  const start = load<u32>(edges + (<usize>word << 3))
  if (<i32>start >= 0)
    return hashWord(text + start, load<u32>(edges + (<usize>word << 3), 4) - start, asciiLower(), masks, seed)
  const record = recordOf(word)
  return hashWord(load<u32>(record), load<u32>(record, 4), 0, masks, seed)
}

/** Forgets the first words; those left keep their prefixes and their bytes. */
export function shiftBatch(words: u32): void {
  const left = edgeCount - 2 * words
  memory.copy(edges, edges + (<usize>words << 3), left << 2)
  memory.copy(prefixes, prefixes + (<usize>words << 3), (hashed - words + 1) << 3)
  edgeCount = left
  hashed -= words
  firstWord += words
  moveRecords()
}

function moveRecords(): void {
  const to = otherSide
  const toSize = otherSideSize
  otherSide = side
  otherSideSize = sideSize
  side = to
  sideSize = toSize
  sideUsed = 0
  const words = edgeCount >> 1
  let kept: u32 = 0
  for (let word: u32 = 0; word < words; word++) {
    if (!isRecord(word)) continue
    const record = recordOf(word)
    const length = load<u32>(record, 4)
    const from = load<u32>(record)
    const start = load<u32>(record, 8)
    const end = load<u32>(record, 12)
    const bytes = sideRoom(length)
    memory.copy(bytes, from, length)
    const moved = records + (kept << 4)
    store<u32>(moved, side + openWord)
    store<u32>(moved, length, 4)
    store<u32>(moved, start, 8)
    store<u32>(moved, end, 12)
    store<u32>(edges + (<usize>word << 3), RECORD | kept)
    kept++
  }
  recordCount = kept
  sideFull = sideUsed + SIDE_FULL
}
