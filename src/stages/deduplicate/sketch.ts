import { createHash } from 'node:crypto'
import { words } from '../../text/words.ts'
import type { DuplicateOptions } from './options.ts'
import { shingleSet } from './shingles.ts'

/** Columns of a document's row in the table that the search keeps, in 32-bit words. */
export const columns = {
  /** SHA-256 of the text's bytes, first 128 bits: two texts of one hash are one text. */
  exact: 0,
  /** The same of its words, one space between them. */
  normalised: 4,
  /** UTF-8 bytes of the text. */
  bytes: 8,
  words: 9,
  /** A MinHash value of its own that no band uses: the calibration picks its sample by it. */
  selection: 10,
  /** Then two words a band. */
  bands: 11,
} as const

/** Writes a text's row of the table. */
export type Sketcher = (text: string, row: Uint32Array) => void

/** Width of a row: near-duplicates need band keys, 8 bytes each, 112 in FineWeb's shape. */
export const rowWidth = ({ kind, bands }: DuplicateOptions): number =>
  kind === 'near' ? columns.bands + 2 * bands : columns.selection

/** A sketcher for the options. Permutations are 32-bit multiply-add, fixed for ever: equal texts, equal keys. */
export function createSketcher({ kind, shingle, bands, rows }: DuplicateOptions): Sketcher {
  const slots = bands * rows + 1
  const draws = createHash('shake256', { outputLength: 8 * slots })
    .update('fulcrum minhash')
    .digest()
  const factors = Uint32Array.from({ length: slots }, (_, i) => draws.readUInt32LE(8 * i) | 1)
  const terms = Uint32Array.from({ length: slots }, (_, i) => draws.readUInt32LE(8 * i + 4))
  const minima = new Uint32Array(slots)
  return (text, row) => {
    const found = words(text)
    putTextHash(text, row)
    putHash(found.join(' '), row, columns.normalised)
    row[columns.bytes] = Buffer.byteLength(text)
    row[columns.words] = found.length
    if (kind !== 'near') return
    minima.fill(0xffffffff)
    for (const hash of shingleSet(text, shingle)) {
      for (let i = 0; i < slots; i++) {
        const value = (Math.imul(hash, factors[i] as number) + (terms[i] as number)) >>> 0
        if (value < (minima[i] as number)) minima[i] = value
      }
    }
    row[columns.selection] = minima[slots - 1] as number
    for (let band = 0; band < bands; band++)
      putBand(minima.subarray(band * rows, (band + 1) * rows), row, band)
  }
}

/** The columns that tell a text from every other. */
export const putTextHash = (text: string, row: Uint32Array): void => putHash(text, row, columns.exact)

function putHash(text: string, row: Uint32Array, at: number): void {
  const digest = createHash('sha256').update(text).digest()
  for (let i = 0; i < 4; i++) row[at + i] = digest.readUInt32LE(4 * i)
}

function putBand(values: Uint32Array, row: Uint32Array, band: number): void {
  let [low, high] = [0x811c9dc5, 0x9747b28c]
  for (const value of values) {
    low = Math.imul(low ^ value, 0x85ebca6b)
    low ^= low >>> 15
    high = Math.imul(high ^ value, 0xc2b2ae35)
    high ^= high >>> 13
  }
  row[columns.bands + 2 * band] = low
  row[columns.bands + 2 * band + 1] = high
}
