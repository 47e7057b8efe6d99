import type { SignatureShape } from '../minhash.ts'

// The hashes of kernels/assembly, value for value, as BigInt arithmetic modulo 2^64.

const word1 = 0x9e3779b97f4a7c15n
const word2 = 0xc2b2ae3d27d4eb4fn
const word3 = 0xd6e8feb86659fd93n
const base = 0xa0761d6478bd642fn
const finish = 0xe7037ed1a0b428dbn
const content1 = 0x8ebc6af09c88c6e3n
const content2 = 0x589965cc75374cc3n
/** Where the second word hash of `content` begins. */
const secondSeed = 0x1d8e4e27c47d124fn

/** The value modulo 2^64. */
export const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)

/** Hash of a word's normalised UTF-8, 16 bytes at a time; words of up to 8 bytes never collide. */
export function hashWord(word: Uint8Array, seed: bigint): bigint {
  let hash = seed
  for (let at = 0; at < word.length; at += 16) {
    const x = wrap((read(word, at) ^ hash) * word1)
    const y = wrap((read(word, at + 8) ^ word3) * word2)
    hash = x ^ rotate(y, 32n)
    hash = wrap((hash ^ (hash >> 29n)) * word3)
    hash ^= hash >> 32n
  }
  return hash
}

/** base^n: the hash of words i..i+n is prefix[i + n] - prefix[i] * base^n. */
export function power(n: number): bigint {
  let value = 1n
  for (let i = 0; i < n; i++) value = wrap(value * base)
  return value
}

/** The 32 bits that all slots of a signature are made from. */
export function shingleHash(hash: bigint): number {
  return Number(mix(hash) >> 32n)
}

function mix(hash: bigint): bigint {
  const mixed = wrap((hash ^ (hash >> 32n)) * finish)
  return mixed ^ (mixed >> 29n)
}

/** 128 bits of a list of words, in hex: two chains over two hashes of each word. */
export function content(words: readonly Uint8Array[]): string {
  let first = content1
  let second = content2
  for (const word of words) {
    first = rotate(wrap((first ^ hashWord(word, 0n)) * content1), 31n)
    second = rotate(wrap((second ^ hashWord(word, secondSeed)) * content2), 29n)
  }
  first = mix(wrap(first + BigInt(words.length)))
  second = mix(wrap(second + first))
  first = wrap(first + second)
  return first.toString(16).padStart(16, '0') + second.toString(16).padStart(16, '0')
}

/** Each slot's hash of x: x * multiply + add modulo 2^32. */
export interface SlotHashes {
  readonly multiply: Uint32Array
  readonly add: Uint32Array
}

/** Drawn from the seed by SplitMix64; multipliers are odd. */
export function slotHashes({ bands, rows, seed }: SignatureShape): SlotHashes {
  let state = wrap(BigInt(seed))
  const draw = (): number => {
    state = wrap(state + word1)
    let z = wrap((state ^ (state >> 30n)) * 0xbf58476d1ce4e5b9n)
    z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn)
    return Number((z ^ (z >> 31n)) >> 32n)
  }
  const multiply = Uint32Array.from({ length: bands * rows }, () => draw() | 1)
  const add = Uint32Array.from({ length: bands * rows }, draw)
  return { multiply, add }
}

function rotate(value: bigint, bits: bigint): bigint {
  return wrap(value << bits) | (value >> (64n - bits))
}

/** Eight bytes, little-endian, zeros behind the end. */
function read(bytes: Uint8Array, at: number): bigint {
  let value = 0n
  for (let i = Math.min(at + 8, bytes.length) - 1; i >= at; i--)
    value = (value << 8n) | BigInt(bytes[i] as number)
  return value
}
