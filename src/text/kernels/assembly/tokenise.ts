// From bytes to words: 64 bytes of ASCII at a time, other text by a table of code points, and what the table cannot say
// by JavaScript (../../word-spans.ts, whose words these are).

// @ts-nocheck (compiled by asc, not by tsc)

import {
  addPoint, closeSide, dropSide, edgeCount, edges, extendRecord, FULL, isFull, openSide, popRecord, setEdgeCount, text,
} from './batch'

/** Class of a code point: the top byte of its u32 in the table; a letter's mapped code point is in the lower bytes. */
const BREAK: u32 = 0
const SLOW: u32 = 1
const IGNORE: u32 = 2
const LETTER: u32 = 3
const IDEOGRAPH: u32 = 4

let end: u32 = 0
let pos: u32 = 0
/** JavaScript still holds words of the piece it was given. */
let pending: bool = false
/** u32[65536] for the basic plane, then u32[4096] from U+1F000; 0 until it is first wanted. */
let codePoints: usize = 0

/** Makes the table and returns its address. */
// @ts-ignore: decorator
@external('env', 'codePointTable')
declare function codePointTable(): usize
/** Adds the words of the bytes start..end until the batch is full, or goes on with them (0, 0); 1 while some are left. */
// @ts-ignore: decorator
@external('env', 'slowWords')
declare function slowWords(start: u32, end: u32): i32

export function beginText(length: u32): void {
  pos = 0
  end = length
  pending = false
}

/** Adds words until the batch is full or the text ends: then true. 80 bytes of zeros stand behind the text. */
export function tokenise(): bool {
  if (pending) pending = slowWords(0, 0) != 0
  if (pending) return false
  while (pos < end) {
    if (isFull()) return false
    asciiBlocks()
    if (pending) return false
  }
  if ((edgeCount & 1) != 0) {
    store<u32>(edges + (edgeCount << 2), end)
    setEdgeCount(edgeCount + 1)
  }
  return true
}

/** Blocks of ASCII, up to one that holds anything else, and that. */
function asciiBlocks(): void {
  const t = text
  const last = end
  let at = pos
  let count = edgeCount
  // Whatever other text has added to the batch before: a block adds 64 edges at most, and ROOM has place for them.
  const full: u32 = 2 * FULL
  while (at < last && count < full) {
    const p = t + at
    const b0 = v128.load(p)
    const b1 = v128.load(p, 16)
    const b2 = v128.load(p, 32)
    const b3 = v128.load(p, 48)
    const words = join(alphanumeric(b0), alphanumeric(b1), alphanumeric(b2), alphanumeric(b3))
    let found = words ^ ((words << 1) | (count & 1))
    if (i8x16.bitmask(v128.or(v128.or(b0, b1), v128.or(b2, b3))) != 0) {
      const high = join(b0, b1, b2, b3)
      const other = <u32>ctz(high)
      found &= ((<u64>1) << other) - 1
      count = addEdges(found, at, count)
      let from = at + other
      if ((count & 1) != 0) {
        count--
        from = load<u32>(edges + (<usize>count << 2))
      }
      setEdgeCount(count)
      pos = otherText(from)
      return
    }
    count = addEdges(found, at, count)
    at += 64
  }
  setEdgeCount(count)
  pos = at
}

// @ts-ignore: decorator
@inline
function alphanumeric(bytes: v128): v128 {
  const letters = i8x16.lt_s(
    i8x16.sub(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(-31)),
    i8x16.splat(-102),
  )
  return v128.or(letters, i8x16.lt_s(i8x16.sub(bytes, i8x16.splat(-80)), i8x16.splat(-118)))
}

/** One bit a byte, its highest. */
// @ts-ignore: decorator
@inline
function join(a: v128, b: v128, c: v128, d: v128): u64 {
  return (
    <u64>(<u32>i8x16.bitmask(a) | (<u32>i8x16.bitmask(b) << 16)) |
    (<u64>(<u32>i8x16.bitmask(c) | (<u32>i8x16.bitmask(d) << 16)) << 32)
  )
}

/** Writes the positions of the set bits, and up to 24 more that do not count. */
// @ts-ignore: decorator
@inline
function addEdges(found: u64, at: u32, count: u32): u32 {
  let out = edges + (<usize>count << 2)
  const more = <u32>popcnt(found)
  let written: u32 = 0
  do {
    for (let i = 0; i < 8; i++) {
      store<u32>(out + (<usize>i << 2), at + <u32>ctz(found))
      found &= found - 1
    }
    out += 32
    written += 8
  } while (written < more)
  return count + more
}

/** Words from a position where none is open, while the text is not ASCII; returns where it is again, or where the
 *  batch is full. */
function otherText(from: u32): u32 {
  if (codePoints == 0) codePoints = codePointTable()
  let at = from
  let wordStart = from
  let open = false
  /** The last word is an ideograph with nothing between it and here: a mark would belong to it. */
  let glued = false
  while (at < end) {
    const point = decode(at)
    const next = at + sizeRead
    const entry = look(point)
    const kind = entry >> 24
    if (kind == LETTER) {
      if (!open) {
        if (isFull()) return at
        openSide()
        open = true
        wordStart = at
      }
      glued = false
      addPoint(entry & 0xffff)
    } else if (kind == BREAK) {
      if (open) closeSide(wordStart, at)
      open = false
      glued = false
      if (isFull()) return next
      if (point < 0x80 && load<u8>(text + next) < 0x80) return next
    } else if (kind == IDEOGRAPH) {
      if (open) closeSide(wordStart, at)
      open = false
      if (isFull()) return at
      openSide()
      addPoint(entry & 0xffff)
      closeSide(at, next)
      glued = true
    } else if (kind == IGNORE) {
      if (glued) extendRecord(next)
    } else {
      if (open) dropSide()
      const start = open ? wordStart : glued ? popRecord() : at
      open = false
      glued = false
      at = unitEnd(next)
      pending = slowWords(start, at) != 0
      if (pending) return at
      continue
    }
    at = next
  }
  if (open) closeSide(wordStart, at)
  return at
}

/** Where the piece that JavaScript reads ends: before the next break or ideograph. */
function unitEnd(from: u32): u32 {
  let at = from
  while (at < end) {
    const kind = look(decode(at)) >> 24
    if (kind == BREAK || kind == IDEOGRAPH) return at
    at += sizeRead
  }
  return at
}

// @ts-ignore: decorator
@inline
function look(point: u32): u32 {
  if (point < 0x10000) return load<u32>(codePoints + (<usize>point << 2))
  if (point - 0x1f000 < 0x1000) return load<u32>(codePoints + 0x40000 + (<usize>(point - 0x1f000) << 2))
  return SLOW << 24
}

let sizeRead: u32 = 0

/** The code point at a position, its length in `sizeRead`. What is not UTF-8 is U+FFFD, read as TextDecoder reads it. */
function decode(at: u32): u32 {
  const p = text + at
  const lead = <u32>load<u8>(p)
  sizeRead = 1
  if (lead < 0x80) return lead
  if (lead < 0xc2 || lead > 0xf4) return 0xfffd
  const second = <u32>load<u8>(p, 1)
  let low: u32 = 0x80
  let high: u32 = 0xbf
  if (lead == 0xe0) low = 0xa0
  else if (lead == 0xed) high = 0x9f
  else if (lead == 0xf0) low = 0x90
  else if (lead == 0xf4) high = 0x8f
  if (second < low || second > high) return 0xfffd
  sizeRead = 2
  if (lead < 0xe0) return ((lead & 0x1f) << 6) | (second & 0x3f)
  const third = <u32>load<u8>(p, 2)
  if ((third & 0xc0) != 0x80) return 0xfffd
  sizeRead = 3
  if (lead < 0xf0) return ((lead & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f)
  const fourth = <u32>load<u8>(p, 3)
  if ((fourth & 0xc0) != 0x80) return 0xfffd
  sizeRead = 4
  return ((lead & 0x07) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f)
}
