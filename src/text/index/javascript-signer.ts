import type { SignatureShape, Signer } from '../minhash.ts'
import { wordSpans } from '../word-spans.ts'
import { content, hashWord, power, shingleHash, type SlotHashes, slotHashes, wrap } from './hashes.ts'

/** The signer in plain JavaScript, every hash a BigInt: the measure of the kernel, and its stand-in where there is no
 *  WASM SIMD. */
export function javascriptSigner(shape: SignatureShape): Signer {
  const slots = slotHashes(shape)
  const encoder = new TextEncoder()
  return {
    sign(text) {
      const words = wordSpans(text).words.map((word) => encoder.encode(word))
      return {
        signature: sketch(words, shape.shingle, slots),
        words: words.length,
        contentHash: content(words),
      }
    },
  }
}

function sketch(words: readonly Uint8Array[], shingle: number, { multiply, add }: SlotHashes): Uint32Array {
  const signature = new Uint32Array(multiply.length).fill(0xffffffff)
  if (words.length === 0) return signature
  const prefix = [0n]
  for (const word of words) prefix.push(wrap((prefix.at(-1) as bigint) * power(1) + hashWord(word, 0n)))
  const length = Math.min(shingle, words.length)
  for (let i = 0; i + length <= words.length; i++) {
    const x = shingleHash(wrap((prefix[i + length] as bigint) - (prefix[i] as bigint) * power(length)))
    for (let slot = 0; slot < signature.length; slot++) {
      const value = (Math.imul(x, multiply[slot] as number) + (add[slot] as number)) >>> 0
      if (value < (signature[slot] as number)) signature[slot] = value
    }
  }
  return signature
}
