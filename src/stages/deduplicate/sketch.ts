import type { SignatureShape } from '../../text/minhash.ts'
import type { DuplicateOptions } from './options.ts'

/** Columns of a document's row in the table that the first pass fills, in 32-bit words. */
export const columns = {
  /** The signer's 128-bit hash of the words. */
  content: 0,
  words: 4,
  /** A MinHash value of its own that no band uses: the calibration picks its sample by it. */
  selection: 5,
  /** Then two words a band: of a band only a 64-bit hash of its values is kept. */
  bands: 6,
} as const

/** Width of a row: near-duplicates need band keys, 112 bytes in FineWeb's shape. */
export const sketchWidth = ({ kind, bands }: DuplicateOptions): number =>
  kind === 'near' ? columns.bands + 2 * bands : columns.selection

/** The signature that the search needs: every slot of the bands, and one for the selection. */
export const signatureShape = ({ kind, shingle, bands, rows }: DuplicateOptions): SignatureShape => ({
  bands: kind === 'near' ? bands * rows + 1 : 1,
  rows: 1,
  shingle,
  seed: 1,
})

/** Documents as signed, one after the other. */
export interface SignedDocuments {
  readonly words: ArrayLike<number>
  /** 16 bytes each */
  readonly contentHashes: Uint8Array
  /** Slots of the shape each. */
  readonly signatures: Uint32Array
}

/** Writes the sketch of the i-th document into a row. */
export function putSketch(of: SignedDocuments, i: number, options: DuplicateOptions, row: Uint32Array): void {
  const hash = new DataView(of.contentHashes.buffer, of.contentHashes.byteOffset + 16 * i, 16)
  for (let part = 0; part < 4; part++) row[columns.content + part] = hash.getUint32(4 * part)
  row[columns.words] = of.words[i] as number
  if (options.kind !== 'near') return
  const { bands, rows } = options
  const slots = bands * rows + 1
  row[columns.selection] = of.signatures[slots * (i + 1) - 1] as number
  for (let band = 0; band < bands; band++) putBand(of.signatures, slots * i + band * rows, rows, band, row)
}

/** Two chains of multiply and xor-shift over the band's values. */
function putBand(signatures: Uint32Array, from: number, rows: number, band: number, row: Uint32Array): void {
  let [low, high] = [0x811c9dc5, 0x9747b28c]
  for (let i = from; i < from + rows; i++) {
    const value = signatures[i] as number
    low = Math.imul(low ^ value, 0x85ebca6b)
    low ^= low >>> 15
    high = Math.imul(high ^ value, 0xc2b2ae35)
    high ^= high >>> 13
  }
  row[columns.bands + 2 * band] = low
  row[columns.bands + 2 * band + 1] = high
}
