import type { Signed } from '../text/minhash.ts'
import type { SignedRows } from './events.ts'

/** The signature of a row, from those of its texts: the smaller of each slot, which is the signature of all their
 *  shingles together; no shingle spans two texts. */
export function createRowSignature(slots: number) {
  let row: Signed | null = null
  let texts: string[] = []
  return {
    add(text: Signed): void {
      if (text.words === 0) return
      texts.push(text.contentHash)
      if (row === null) {
        row = text
        return
      }
      const { signature } = row
      for (let slot = 0; slot < signature.length; slot++) {
        const value = text.signature[slot] as number
        if (value < (signature[slot] as number)) signature[slot] = value
      }
      row = { signature, words: row.words + text.words, contentHash: '' }
    },
    take(): Signed {
      const { signature, words } = row ?? { signature: new Uint32Array(slots).fill(0xffffffff), words: 0 }
      const taken = { signature, words, contentHash: contentHash(texts) }
      row = null
      texts = []
      return taken
    },
  }
}

/** A lone text's own hash; of several, one of theirs in order: each quarter a polynomial in theirs, mod 2^32, which is as
 *  good as they are since they are hashes already. */
function contentHash(texts: readonly string[]): string {
  if (texts.length === 1) return texts[0] as string
  let [a, b, c, d] = [texts.length, 0, 0, 0]
  for (const text of texts) {
    a = (Math.imul(a, 0x9e3779b1) + parseInt(text.slice(0, 8), 16)) | 0
    b = (Math.imul(b, 0x85ebca77) + parseInt(text.slice(8, 16), 16)) | 0
    c = (Math.imul(c, 0xc2b2ae3d) + parseInt(text.slice(16, 24), 16)) | 0
    d = (Math.imul(d, 0x27d4eb2f) + parseInt(text.slice(24), 16)) | 0
  }
  return [a, b, c, d].map((quarter) => (quarter >>> 0).toString(16).padStart(8, '0')).join('')
}

/** Signatures in one growing block each, so that a batch crosses the thread as a few blocks. */
export function noSignatures(slots: number) {
  let rows = new Uint32Array(64)
  let words = new Uint32Array(64)
  let signatures = new Uint32Array(64 * slots)
  let contentHashes = Buffer.alloc(64 * 16)
  let length = 0
  const grow = (): void => {
    const size = 2 * rows.length
    rows = grown(rows, size)
    words = grown(words, size)
    signatures = grown(signatures, size * slots)
    contentHashes = Buffer.concat([contentHashes], size * 16)
  }
  return {
    add(row: number, text: Signed): void {
      if (length === rows.length) grow()
      rows[length] = row
      words[length] = text.words
      signatures.set(text.signature, length * slots)
      contentHashes.write(text.contentHash, length * 16, 'hex')
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
        contentHashes: new Uint8Array(contentHashes.subarray(0, length * 16)),
      }
    },
  }
}

function grown(from: Uint32Array<ArrayBuffer>, size: number): Uint32Array<ArrayBuffer> {
  const to = new Uint32Array(size)
  to.set(from)
  return to
}
