// MinHash signatures and content hashes of the words in hand; ../../index/hashes.ts says the same in JavaScript.

// @ts-nocheck (compiled by asc, not by tsc)

import { firstWord, hashed, prefixes, rehash, ROOM } from './batch'
import { mix, power } from './hash'

const CONTENT1: u64 = 0x8ebc6af09c88c6e3
const CONTENT2: u64 = 0x589965cc75374cc3
const SECOND_SEED: u64 = 0x1d8e4e27c47d124f

/** Words a shingle, 0 while nothing is signed. */
export let shingle: u32 = 0
let top: u64 = 0
/** A multiple of 16. */
let slots: u32 = 0
/** u32[slots] each; slot hash of x = x * multiply + add. */
let multiply: usize = 0
let add: usize = 0
let signature: usize = 0
/** u32[ROOM] */
let shingles: usize = 0
/** First word of the batch that is not yet in the content hash, and first that no shingle begins at. */
let contentAt: u32 = 0
let shingleAt: u32 = 0
let first: u64 = 0
let second: u64 = 0

/** Where the slots' multipliers and addends go, in this order, and then the signature. */
export function layOutSketch(at: usize, slotCount: u32, words: u32): usize {
  slots = slotCount
  shingle = words
  top = power(words)
  multiply = at
  add = multiply + (slots << 2)
  signature = add + (slots << 2)
  shingles = signature + (slots << 2)
  return shingles + ROOM * 4
}

export function slotHashes(): usize {
  return multiply
}

export function signatureAt(): usize {
  return signature
}

export function beginSketch(): void {
  memory.fill(signature, 0xff, slots << 2)
  contentAt = 0
  shingleAt = 0
  first = CONTENT1
  second = CONTENT2
}

/** Takes in the words of the batch that are hashed; at the end of the text also a shingle shorter than others. */
export function sketchBatch(atEnd: bool): void {
  contentBatch()
  let count: u32 = 0
  while (shingleAt + shingle <= hashed) {
    const at = prefixes + (<usize>shingleAt << 3)
    addShingle(count++, load<u64>(at + (<usize>shingle << 3)) - load<u64>(at) * top)
    shingleAt++
  }
  if (atEnd && firstWord == 0 && hashed > 0 && hashed < shingle) addShingle(count++, load<u64>(prefixes + (hashed << 3)))
  if (count > 0) minimise(count)
}

export function shiftSketch(words: u32): void {
  contentAt -= words
  shingleAt -= words
}

/** Words that a later shingle still needs begin here. */
export function sketchNeeds(): u32 {
  return shingleAt
}

// @ts-ignore: decorator
@inline
function addShingle(index: u32, hash: u64): void {
  store<u32>(shingles + (<usize>index << 2), <u32>(mix(hash) >> 32))
}

/** 16 slots at a time in registers, over all shingles of the batch. */
function minimise(count: u32): void {
  const from = shingles
  const to = from + (<usize>count << 2)
  for (let at: usize = 0; at < <usize>slots << 2; at += 64) {
    const m = multiply + at
    const a = add + at
    const s = signature + at
    const m0 = v128.load(m), m1 = v128.load(m, 16), m2 = v128.load(m, 32), m3 = v128.load(m, 48)
    const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48)
    let s0 = v128.load(s), s1 = v128.load(s, 16), s2 = v128.load(s, 32), s3 = v128.load(s, 48)
    for (let p = from; p < to; p += 4) {
      const x = v128.load32_splat(p)
      s0 = i32x4.min_u(s0, i32x4.add(i32x4.mul(x, m0), a0))
      s1 = i32x4.min_u(s1, i32x4.add(i32x4.mul(x, m1), a1))
      s2 = i32x4.min_u(s2, i32x4.add(i32x4.mul(x, m2), a2))
      s3 = i32x4.min_u(s3, i32x4.add(i32x4.mul(x, m3), a3))
    }
    v128.store(s, s0)
    v128.store(s, s1, 16)
    v128.store(s, s2, 32)
    v128.store(s, s3, 48)
  }
}

function contentBatch(): void {
  let a = first
  let b = second
  for (let word = contentAt; word < hashed; word++) {
    a = rotl((a ^ rehash(word, 0)) * CONTENT1, 31)
    b = rotl((b ^ rehash(word, SECOND_SEED)) * CONTENT2, 29)
  }
  first = a
  second = b
  contentAt = hashed
}

/** The content hash, upper half. */
export function contentUpper(): u64 {
  return mix(first + <u64>(firstWord + hashed)) + contentLower()
}

export function contentLower(): u64 {
  return mix(second + mix(first + <u64>(firstWord + hashed)))
}
