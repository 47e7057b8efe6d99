import type { Signed } from '../text/minhash.ts'
import type { SignedRows } from './events.ts'

/** The signature of a row, from those of its texts: the smaller of each slot, which is the signature of all their
 *  shingles together; no shingle spans two texts. What `take` gives holds until the next row begins. */
export function createRowSignature(slots: number) {
  const signature = new Uint32Array(slots)
  const contentHash = new Uint32Array(4)
  let words = 0
  let texts = 0
  return {
    add(text: Signed): void {
      if (text.words === 0) return
      if (texts === 0) signature.set(text.signature)
      else lowerSlots(signature, text.signature)
      addContent(contentHash, text.contentHash, texts)
      words += text.words
      texts++
    },
    take(): Signed {
      if (texts === 0) {
        signature.fill(0xffffffff)
        contentHash.fill(0)
      }
      const taken = { signature, words, contentHash }
      words = 0
      texts = 0
      return taken
    },
  }
}

function lowerSlots(row: Uint32Array, text: Uint32Array): void {
  for (let slot = 0; slot < row.length; slot++) {
    const value = text[slot] as number
    if (value < (row[slot] as number)) row[slot] = value
  }
}

const multipliers = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f]

/** A lone text's own hash; of several, one of theirs in order: each quarter a polynomial in theirs, mod 2^32, which is as
 *  good as they are since they are hashes already. */
function addContent(row: Uint32Array, text: Uint32Array, before: number): void {
  for (let i = 0; i < 4; i++) {
    const value = text[i] as number
    row[i] = before === 0 ? value : Math.imul((row[i] as number) + before, multipliers[i] as number) + value
  }
}

/** Signatures in one growing block each, so that a batch crosses the thread as a few blocks. */
export function noSignatures(slots: number) {
  let rows = new Uint32Array(64)
  let words = new Uint32Array(64)
  let signatures = new Uint32Array(64 * slots)
  let contentHashes = new Uint32Array(64 * 4)
  let length = 0
  const grow = (): void => {
    const size = 2 * rows.length
    rows = grown(rows, size)
    words = grown(words, size)
    signatures = grown(signatures, size * slots)
    contentHashes = grown(contentHashes, size * 4)
  }
  return {
    add(row: number, text: Signed): void {
      if (length === rows.length) grow()
      rows[length] = row
      words[length] = text.words
      signatures.set(text.signature, length * slots)
      contentHashes.set(text.contentHash, length * 4)
      length++
    },
    bytes: () => length * (24 + 4 * slots),
    take(file: number): SignedRows | null {
      if (length === 0) return null
      return {
        kind: 'signed-rows',
        file,
        rows: rows.slice(0, length),
        words: words.slice(0, length),
        signatures: signatures.slice(0, length * slots),
        contentHashes: contentHashes.slice(0, length * 4),
      }
    },
  }
}

function grown(from: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(size)
  to.set(from)
  return to
}
