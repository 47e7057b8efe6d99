// Strict JSON over lines of bytes, AssemblyScript with SIMD: the string values of the wanted fields, unescaped, without
// an object or a string for any of them. A line is accepted only if JSON.parse would accept it; whatever is unusual
// (a key with escapes, deep nesting, anything that is not JSON) is left to JavaScript as an odd line.

// @ts-nocheck (compiled by asc, not by tsc)

// What the caller lays out in the memory, set once by `layout`; a table is an array of i32.
let nodes: usize = 0 // per node: parent, key start, key bytes (-1: items of an array), wanted (0 or 1)
let slots: usize = 0 // hash table of node ids + 1, slotCount a power of two
let slotMask: i32 = 0
let keys: usize = 0 // bytes of all nodes' keys
let rows: usize = 0 // per row: start, end, first field, kind (0 record, 1 blank, 2 odd)
let mostRows: i32 = 0
let fields: usize = 0 // per field: node, raw start, raw end, text start, text end
let mostFields: i32 = 0
let out: usize = 0 // texts, each followed by a line feed
let stack: usize = 0 // per level: node, 1 for an array

const mostDepth: i32 = 64
const mostKeyBytes: i32 = 255

// Where the last call stopped.
export let at: usize = 0
export let rowCount: i32 = 0
export let fieldCount: i32 = 0
export let outAt: usize = 0
export let missParent: i32 = 0
export let missKey: usize = 0
export let missBytes: i32 = 0

// The table of nodes is full: a key without a node stands at node 1, or at 2 below a wanted one.
let crowded: bool = false

let keyNode: i32 = 0
let stringEnd: usize = 0

export function layout(
  nodes_: usize, slots_: usize, slotCount: i32, keys_: usize, rows_: usize, mostRows_: i32,
  fields_: usize, mostFields_: i32, stack_: usize, out_: usize,
): void {
  nodes = nodes_
  slots = slots_
  slotMask = slotCount - 1
  keys = keys_
  rows = rows_
  mostRows = mostRows_
  fields = fields_
  mostFields = mostFields_
  stack = stack_
  out = out_
}

/** Lines of [from, end), each ended by a line feed; the last one's may lie at `end`. 0: all read; 1: the tables are
 *  full, go on from `at`; 2: `missKey` is a key without a node, add one and go on from `at`. */
export function extract(from: usize, end: usize, first: bool): i32 {
  if (first) {
    rowCount = 0
    fieldCount = 0
    outAt = out
  }
  at = from
  while (at < end) {
    if (rowCount == mostRows) return 1
    const row = rows + (<usize>rowCount << 4)
    const field = fieldCount
    const text = outAt
    const result = record(at)
    let lineEnd = stringEnd
    if (result == missed || result == full) {
      fieldCount = field
      outAt = text
      if (result == missed) return 2
      if (field > 0) return 1
    }
    let kind = result
    if (result == full || result == odd) {
      // More fields than the table holds in one line: that line, too, is for JavaScript.
      fieldCount = field
      outAt = text
      lineEnd = lineFeed(at)
      kind = odd
    }
    store<i32>(row, <i32>at)
    store<i32>(row, <i32>lineEnd, 4)
    store<i32>(row, field, 8)
    store<i32>(row, kind, 12)
    rowCount++
    at = lineEnd + 1
  }
  return 0
}

export function setCrowded(value: bool): void {
  crowded = value
}

/** Adds a node's slot; the caller has written the node. */
export function addNode(id: i32): void {
  const node = nodes + (<usize>id << 4)
  const bytes = load<i32>(node, 8)
  let slot = hashKey(load<i32>(node), <usize>load<i32>(node, 4), bytes) & slotMask
  while (load<i32>(slots + (<usize>slot << 2)) != 0) slot = (slot + 1) & slotMask
  store<i32>(slots + (<usize>slot << 2), id + 1)
}

const fine: i32 = 0
const blank: i32 = 1
const odd: i32 = 2
const full: i32 = 3
const missed: i32 = 4

/** Reads one line from p; `stringEnd` is then its line feed, unless it is odd, full or missed. */
function record(start: usize): i32 {
  let p = white(start)
  let byte = load<u8>(p)
  if (byte == 0x0a) {
    stringEnd = p
    return blank
  }
  if (byte != 0x7b) return odd
  let depth = 0
  let node = 0
  let array = false
  let open = true // an object or array has just begun: it may end here
  p = white(p + 1)
  while (true) {
    byte = load<u8>(p)
    if (open && byte == (array ? 0x5d : 0x7d)) {
      // falls through to the end of this level
    } else {
      let value = node
      if (!array) {
        if (byte != 0x22) return odd
        const found = key(p + 1, node)
        if (found != fine) return found
        value = keyNode
        p = white(stringEnd + 1)
        if (load<u8>(p) != 0x3a) return odd
        p = white(p + 1)
        byte = load<u8>(p)
      }
      if (byte == 0x22) {
        const found = load<i32>(nodes + (<usize>value << 4), 12) != 0 ? text(p + 1, value) : skip(p + 1)
        if (found != fine) return found
        p = stringEnd + 1
      } else if (byte == 0x7b || byte == 0x5b) {
        if (depth == mostDepth) return odd
        const level = stack + (<usize>depth << 3)
        store<i32>(level, node)
        store<i32>(level, array ? 1 : 0, 4)
        depth++
        array = byte == 0x5b
        node = value
        if (array) {
          const found = child(value, p, -1)
          if (found != fine) return found
          node = keyNode
        }
        open = true
        p = white(p + 1)
        continue
      } else {
        p = scalar(p)
        if (p == 0) return odd
      }
      open = false
      p = white(p)
      byte = load<u8>(p)
      if (byte == 0x2c) {
        p = white(p + 1)
        continue
      }
    }
    // ends of levels
    while (true) {
      if (byte != (array ? 0x5d : 0x7d)) return odd
      p = white(p + 1)
      if (depth == 0) {
        stringEnd = p
        return load<u8>(p) == 0x0a ? fine : odd
      }
      depth--
      const level = stack + (<usize>depth << 3)
      node = load<i32>(level)
      array = load<i32>(level, 4) != 0
      byte = load<u8>(p)
      if (byte == 0x2c) break
    }
    open = false
    p = white(p + 1)
  }
}

// @ts-ignore: decorator
@inline
function white(p: usize): usize {
  let byte = load<u8>(p)
  while (byte == 0x20 || byte == 0x0d || byte == 0x09) byte = load<u8>(++p)
  return p
}

/** The first line feed from p. */
function lineFeed(p: usize): usize {
  const feed = i8x16.splat(0x0a)
  while (true) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(p), feed))
    if (mask != 0) return p + ctz(mask)
    p += 16
  }
}

/** Bits of the quotes, backslashes and control characters among 16 bytes. */
// @ts-ignore: decorator
@inline
function special(bytes: v128): i32 {
  return i8x16.bitmask(
    v128.or(
      v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c))),
      i8x16.lt_u(bytes, i8x16.splat(0x20)),
    ),
  )
}

/** A key from behind its quote: `keyNode`, and `stringEnd` at the quote that ends it. */
function key(p: usize, parent: i32): i32 {
  let q = p
  while (true) {
    const mask = special(v128.load(q))
    if (mask != 0) {
      q += ctz(mask)
      break
    }
    q += 16
  }
  if (load<u8>(q) != 0x22) return odd
  stringEnd = q
  const bytes = <i32>(q - p)
  if (bytes > mostKeyBytes) return odd
  return child(parent, p, bytes)
}

// @ts-ignore: decorator
@inline
function hashKey(parent: i32, p: usize, bytes: i32): i32 {
  let hash: u32 = <u32>parent * 0x9e3779b1 + <u32>bytes
  for (let i = 0; i < bytes; i++) hash = (hash ^ load<u8>(p + i)) * 0x01000193
  return <i32>(hash ^ (hash >> 15))
}

/** The node of a key, or of the items of an array (-1 bytes). */
function child(parent: i32, p: usize, bytes: i32): i32 {
  let slot = hashKey(parent, p, bytes) & slotMask
  while (true) {
    const id = load<i32>(slots + (<usize>slot << 2)) - 1
    if (id < 0) {
      if (crowded) {
        keyNode = load<i32>(nodes + (<usize>parent << 4), 12) != 0 ? 2 : 1
        return fine
      }
      missParent = parent
      missKey = p
      missBytes = bytes
      return missed
    }
    const node = nodes + (<usize>id << 4)
    if (load<i32>(node) == parent && load<i32>(node, 8) == bytes && same(<usize>load<i32>(node, 4), p, bytes)) {
      keyNode = id
      return fine
    }
    slot = (slot + 1) & slotMask
  }
}

// @ts-ignore: decorator
@inline
function same(a: usize, b: usize, bytes: i32): bool {
  for (let i = 0; i < bytes; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false
  return true
}

/** A string from behind its quote, unescaped to `outAt`, with its row in the table of fields. */
function text(start: usize, node: i32): i32 {
  if (fieldCount == mostFields) return full
  const begin = outAt
  let p = start
  let o = begin
  while (true) {
    const bytes = v128.load(p)
    v128.store(o, bytes)
    const mask = special(bytes)
    if (mask == 0) {
      p += 16
      o += 16
      continue
    }
    const plain = <usize>ctz(mask)
    p += plain
    o += plain
    const byte = load<u8>(p)
    if (byte == 0x22) break
    if (byte != 0x5c) return odd
    const escaped = load<u8>(p, 1)
    if (escaped == 0x75) {
      let point = hex4(p + 2)
      if (point < 0) return odd
      p += 6
      if (point >= 0xd800 && point < 0xe000) {
        const low = point < 0xdc00 && load<u16>(p) == 0x755c ? hex4(p + 2) : 0
        if (low >= 0xdc00 && low < 0xe000) {
          point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00)
          p += 6
        } else point = 0xfffd
      }
      o = utf8(o, point)
    } else {
      const plainByte = unescaped(escaped)
      if (plainByte == 0) return odd
      store<u8>(o, plainByte)
      p += 2
      o++
    }
  }
  stringEnd = p
  store<u8>(o, 0x0a)
  outAt = o + 1
  const field = fields + <usize>fieldCount * 20
  store<i32>(field, node)
  store<i32>(field, <i32>start, 4)
  store<i32>(field, <i32>p, 8)
  store<i32>(field, <i32>begin, 12)
  store<i32>(field, <i32>o, 16)
  fieldCount++
  return fine
}

/** A string that nobody wants, checked all the same. */
function skip(p: usize): i32 {
  while (true) {
    const mask = special(v128.load(p))
    if (mask == 0) {
      p += 16
      continue
    }
    p += ctz(mask)
    const byte = load<u8>(p)
    if (byte == 0x22) break
    if (byte != 0x5c) return odd
    const escaped = load<u8>(p, 1)
    if (escaped == 0x75) {
      if (hex4(p + 2) < 0) return odd
      p += 6
    } else {
      if (unescaped(escaped) == 0) return odd
      p += 2
    }
  }
  stringEnd = p
  return fine
}

/** The character that stands behind a backslash, or 0. */
// @ts-ignore: decorator
@inline
function unescaped(escaped: u8): u8 {
  if (escaped == 0x6e) return 0x0a
  if (escaped == 0x22 || escaped == 0x5c || escaped == 0x2f) return escaped
  if (escaped == 0x74) return 0x09
  if (escaped == 0x72) return 0x0d
  if (escaped == 0x62) return 0x08
  if (escaped == 0x66) return 0x0c
  return 0
}

function hex4(p: usize): i32 {
  let value = 0
  for (let i: usize = 0; i < 4; i++) {
    const byte = <i32>load<u8>(p + i)
    const letter = byte | 0x20
    if (byte >= 0x30 && byte <= 0x39) value = (value << 4) | (byte - 0x30)
    else if (letter >= 0x61 && letter <= 0x66) value = (value << 4) | (letter - 0x57)
    else return -1
  }
  return value
}

function utf8(o: usize, point: i32): usize {
  if (point < 0x80) {
    store<u8>(o, <u8>point)
    return o + 1
  }
  if (point < 0x800) {
    store<u8>(o, <u8>(0xc0 | (point >> 6)))
    store<u8>(o, <u8>(0x80 | (point & 63)), 1)
    return o + 2
  }
  if (point < 0x10000) {
    store<u8>(o, <u8>(0xe0 | (point >> 12)))
    store<u8>(o, <u8>(0x80 | ((point >> 6) & 63)), 1)
    store<u8>(o, <u8>(0x80 | (point & 63)), 2)
    return o + 3
  }
  store<u8>(o, <u8>(0xf0 | (point >> 18)))
  store<u8>(o, <u8>(0x80 | ((point >> 12) & 63)), 1)
  store<u8>(o, <u8>(0x80 | ((point >> 6) & 63)), 2)
  store<u8>(o, <u8>(0x80 | (point & 63)), 3)
  return o + 4
}

/** Behind a number, true, false or null; 0 if there is none. */
function scalar(p: usize): usize {
  let byte = load<u8>(p)
  if (byte == 0x74) return load<u32>(p) == 0x65757274 ? p + 4 : 0
  if (byte == 0x6e) return load<u32>(p) == 0x6c6c756e ? p + 4 : 0
  if (byte == 0x66) return load<u32>(p, 1) == 0x65736c61 ? p + 5 : 0
  if (byte == 0x2d) byte = load<u8>(++p)
  if (byte == 0x30) byte = load<u8>(++p)
  else {
    if (!digit(byte)) return 0
    while (digit(byte)) byte = load<u8>(++p)
  }
  if (byte == 0x2e) {
    byte = load<u8>(++p)
    if (!digit(byte)) return 0
    while (digit(byte)) byte = load<u8>(++p)
  }
  if ((byte | 0x20) == 0x65) {
    byte = load<u8>(++p)
    if (byte == 0x2b || byte == 0x2d) byte = load<u8>(++p)
    if (!digit(byte)) return 0
    while (digit(byte)) byte = load<u8>(++p)
  }
  return p
}

// @ts-ignore: decorator
@inline
function digit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39
}
