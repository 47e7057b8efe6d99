/** Low 32 bits of XXH64 with seed 0: the content checksum of a ZSTD frame (RFC 8878, section 3.1.1).
 *  64-bit words are kept as two 32-bit halves, since BigInt arithmetic is some thirty times slower. */
export function xxh64Low(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  if (bytes.length >= 32) {
    const lanes = new Int32Array(8)
    load(lanes, 0, prime1Low, prime1High)
    add(lanes, 0, prime2Low, prime2High)
    load(lanes, 2, prime2Low, prime2High)
    load(lanes, 6, ~prime1Low + 1, ~prime1High)
    at = bytes.length - (bytes.length % 32)
    for (let lane = 0; lane < 4; lane++) runLane(view, lanes, lane, at)
    mergeLanes(lanes)
  } else load(state, 0, prime5Low, prime5High)
  add(state, 0, bytes.length | 0, Math.floor(bytes.length / 2 ** 32))
  for (; at + 8 <= bytes.length; at += 8) {
    load(word, 0, 0, 0)
    round(word, 0, view.getInt32(at, true), view.getInt32(at + 4, true))
    xor(word[0] as number, word[1] as number)
    rotate(state, 0, 27)
    multiply(state, 0, prime1Low, prime1High)
    add(state, 0, prime4Low, prime4High)
  }
  if (at + 4 <= bytes.length) {
    mix(view.getInt32(at, true), prime1Low, prime1High, 23, prime2Low, prime2High)
    add(state, 0, prime3Low, prime3High)
    at += 4
  }
  for (; at < bytes.length; at++) mix(view.getUint8(at), prime5Low, prime5High, 11, prime1Low, prime1High)
  return avalanche()
}

// The five primes of the XXH64 specification, in halves.
const [prime1High, prime1Low] = [0x9e3779b1 | 0, 0x85ebca87 | 0]
const [prime2High, prime2Low] = [0xc2b2ae3d | 0, 0x27d4eb4f]
const [prime3High, prime3Low] = [0x165667b1, 0x9e3779f9 | 0]
const [prime4High, prime4Low] = [0x85ebca77 | 0, 0xc2b2ae63 | 0]
const [prime5High, prime5Low] = [0x27d4eb2f, 0x165667c5]

/** The running hash and one scratch word, [low, high]. */
const state = new Int32Array(2)
const word = new Int32Array(2)

function mergeLanes(lanes: Int32Array): void {
  load(state, 0, 0, 0)
  for (const [lane, by] of [1, 7, 12, 18].entries()) {
    load(word, 0, lanes[2 * lane] as number, lanes[2 * lane + 1] as number)
    rotate(word, 0, by)
    add(state, 0, word[0] as number, word[1] as number)
  }
  for (let lane = 0; lane < 8; lane += 2) {
    load(word, 0, 0, 0)
    round(word, 0, lanes[lane] as number, lanes[lane + 1] as number)
    xor(word[0] as number, word[1] as number)
    multiply(state, 0, prime1Low, prime1High)
    add(state, 0, prime4Low, prime4High)
  }
}

/** One of the four lanes: every fourth 8-byte word up to `end`. All in locals, as nearly all time is spent here. */
function runLane(view: DataView, lanes: Int32Array, lane: number, end: number): void {
  let low = lanes[2 * lane] as number
  let high = lanes[2 * lane + 1] as number
  for (let at = 8 * lane; at < end; at += 32) {
    const [wordLow, wordHigh] = [view.getInt32(at, true), view.getInt32(at + 4, true)]
    const sum = (low >>> 0) + (Math.imul(wordLow, prime2Low) >>> 0)
    high = (high + timesHigh(wordLow, wordHigh, prime2Low, prime2High) + (sum > 0xffffffff ? 1 : 0)) | 0
    const [turnedLow, turnedHigh] = [(sum << 31) | (high >>> 1), (high << 31) | ((sum | 0) >>> 1)]
    low = Math.imul(turnedLow, prime1Low)
    high = timesHigh(turnedLow, turnedHigh, prime1Low, prime1High)
  }
  load(lanes, 2 * lane, low, high)
}

function round(words: Int32Array, at: number, low: number, high: number): void {
  const high2 = timesHigh(low, high, prime2Low, prime2High)
  add(words, at, Math.imul(low, prime2Low), high2)
  rotate(words, at, 31)
  multiply(words, at, prime1Low, prime1High)
}

function mix(value: number, low: number, high: number, by: number, low2: number, high2: number): void {
  load(word, 0, value, 0)
  multiply(word, 0, low, high)
  xor(word[0] as number, word[1] as number)
  rotate(state, 0, by)
  multiply(state, 0, low2, high2)
}

function avalanche(): number {
  let [low, high] = [state[0] as number, state[1] as number]
  low ^= high >>> 1 // h ^= h >> 33
  load(state, 0, low, high)
  multiply(state, 0, prime2Low, prime2High)
  ;[low, high] = [state[0] as number, state[1] as number]
  xor((low >>> 29) | (high << 3), high >>> 29)
  multiply(state, 0, prime3Low, prime3High)
  return ((state[0] as number) ^ (state[1] as number)) >>> 0
}

function load(words: Int32Array, at: number, low: number, high: number): void {
  words[at] = low
  words[at + 1] = high
}

function xor(low: number, high: number): void {
  state[0] = (state[0] as number) ^ low
  state[1] = (state[1] as number) ^ high
}

function add(words: Int32Array, at: number, low: number, high: number): void {
  const sum = ((words[at] as number) >>> 0) + (low >>> 0)
  words[at] = sum | 0
  words[at + 1] = ((words[at + 1] as number) + high + (sum > 0xffffffff ? 1 : 0)) | 0
}

function rotate(words: Int32Array, at: number, by: number): void {
  const [low, high] = [words[at] as number, words[at + 1] as number]
  words[at] = (low << by) | (high >>> (32 - by))
  words[at + 1] = (high << by) | (low >>> (32 - by))
}

function multiply(words: Int32Array, at: number, low: number, high: number): void {
  const [wordLow, wordHigh] = [words[at] as number, words[at + 1] as number]
  words[at] = Math.imul(wordLow, low)
  words[at + 1] = timesHigh(wordLow, wordHigh, low, high)
}

/** High half of the low 64 bits of a product. */
function timesHigh(aLow: number, aHigh: number, bLow: number, bHigh: number): number {
  const [a0, a1, b0, b1] = [aLow & 0xffff, aLow >>> 16, bLow & 0xffff, bLow >>> 16]
  const middle = a1 * b0 + ((a0 * b0) >>> 16)
  const carry = (a0 * b1 + (middle & 0xffff)) >>> 16
  const over = Math.imul(a1, b1) + (middle >>> 16) + carry
  return (over + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0
}
