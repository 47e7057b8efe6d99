import { createHash } from 'node:crypto'
import { createSigner } from '../../text/minhash.ts'
import type { DuplicateOptions } from './options.ts'

/** Columns of a document's row in the table that the search keeps, in 32-bit words. */
export const columns = {
  /** SHA-256 of the text's bytes, first 128 bits: two texts of one hash are one text. */
  exact: 0,
  /** The signer's 128-bit hash of the words. */
  normalised: 4,
  /** UTF-8 bytes of the text. */
  bytes: 8,
  words: 9,
  /** A MinHash value of its own that no band uses: the calibration picks its sample by it. */
  selection: 10,
  /** Then two words a band: of a band only a 64-bit hash of its values is kept. */
  bands: 11,
} as const

/** Writes the row of a UTF-8 text. */
export type Sketcher = (text: Uint8Array, row: Uint32Array) => void

/** Width of a row: near-duplicates need band keys, 112 bytes in FineWeb's shape. */
export const rowWidth = ({ kind, bands }: DuplicateOptions): number =>
  kind === 'near' ? columns.bands + 2 * bands : columns.selection

/** A sketcher for the options; the same text has the same row in every run. */
export async function createSketcher({ kind, shingle, bands, rows }: DuplicateOptions): Promise<Sketcher> {
  const slots = kind === 'near' ? bands * rows + 1 : 1
  const signer = await createSigner({ bands: slots, rows: 1, shingle, seed: 1 })
  return (text, row) => {
    const { signature, words, contentHash } = signer.sign(text)
    putTextHash(text, row)
    for (let i = 0; i < 4; i++)
      row[columns.normalised + i] = Number.parseInt(contentHash.slice(8 * i, 8 * i + 8), 16)
    row[columns.bytes] = text.length
    row[columns.words] = words
    if (kind !== 'near') return
    row[columns.selection] = signature[slots - 1] as number
    for (let band = 0; band < bands; band++) putBand(signature, band, rows, row)
  }
}

/** The columns that tell a text from every other. */
export function putTextHash(text: Uint8Array | string, row: Uint32Array): void {
  const digest = createHash('sha256').update(text).digest()
  for (let i = 0; i < 4; i++) row[columns.exact + i] = digest.readUInt32LE(4 * i)
}

/** Two chains of multiply and xor-shift over the band's values. */
function putBand(signature: Uint32Array, band: number, rows: number, row: Uint32Array): void {
  let [low, high] = [0x811c9dc5, 0x9747b28c]
  for (let i = band * rows; i < (band + 1) * rows; i++) {
    const value = signature[i] as number
    low = Math.imul(low ^ value, 0x85ebca6b)
    low ^= low >>> 15
    high = Math.imul(high ^ value, 0xc2b2ae35)
    high ^= high >>> 13
  }
  row[columns.bands + 2 * band] = low
  row[columns.bands + 2 * band + 1] = high
}
