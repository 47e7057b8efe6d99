import { fineWebShape, type SignatureShape, type Signer } from '../text/minhash.ts'
import type { TextMatches, TextScanner } from '../text/scan.ts'
import {
  type CorpusHit,
  noCounts,
  type RowCounts,
  type SignedRows,
  type UnreadableReason,
  type UnreadableRow,
} from './events.ts'

/** What a worker hands over for a stretch of rows; rows count from the beginning of its part. */
export interface Batch {
  readonly events: (CorpusHit | UnreadableRow)[]
  readonly signed: SignedRows | null
  readonly counts: RowCounts
}

/** Scans the texts of rows and gathers what there is to tell of them. */
export interface RowScanner {
  /** One text of the open row; what it shares with the index, or null. */
  readonly scan: (path: string, text: Uint8Array) => TextMatches | null
  /** Ends the row; `texts` gives all its texts as one, for its signature, and is called only where there is a signer. */
  readonly endRow: (row: number, strings: number, texts: () => Uint8Array) => void
  readonly hit: (hit: CorpusHit) => void
  readonly unreadable: (
    place: Pick<UnreadableRow, 'file' | 'row' | 'recordStart' | 'recordEnd'>,
    reason: UnreadableReason,
    detail: string,
  ) => void
  readonly counts: () => RowCounts
  /** About the bytes that the batch takes on its way. */
  readonly weight: () => number
  /** The batch so far; the next one begins. */
  readonly take: (file: number) => Batch
}

export function createRowScanner(
  scanner: TextScanner,
  signer: Signer | null,
  shape: SignatureShape | null,
): RowScanner {
  const slots = signer === null ? 0 : signatureSlots(shape)
  let counts = noCounts()
  let events: Batch['events'] = []
  let signed = noSignatures(slots)
  let eventBytes = 0
  let wordsBefore = scanner.scannedWords
  return {
    scan(path, text) {
      count(counts, path, text.length)
      return scanner.scan(text)
    },
    endRow(row, strings, texts) {
      counts.rows++
      if (strings === 0) {
        counts.withoutText++
        return
      }
      scanner.endDocument()
      if (signer !== null) signed.add(row, signer.sign(texts()))
    },
    hit(hit) {
      events.push(hit)
      eventBytes += (hit.record?.length ?? 0) + 400
      for (const { text, matches } of hit.fields) eventBytes += text.length + 160 * (matches.runs.length + 1)
    },
    unreadable(place, reason, detail) {
      counts.rows++
      counts.unreadable[reason] = (counts.unreadable[reason] ?? 0) + 1
      events.push({ kind: 'unreadable-row', ...place, reason, detail })
      eventBytes += 400
    },
    counts: () => counts,
    weight: () => eventBytes + signed.bytes(),
    take(file) {
      counts.words = scanner.scannedWords - wordsBefore
      wordsBefore = scanner.scannedWords
      const batch = { events, signed: signed.take(file), counts }
      counts = noCounts()
      events = []
      eventBytes = 0
      signed = noSignatures(slots)
      return batch
    },
  }
}

/** Slots of a signature. */
export const signatureSlots = (shape: SignatureShape | null): number => {
  const { bands, rows } = shape ?? fineWebShape
  return bands * rows
}

/** Without an entry per text for paths seen before: this is called for every string of a corpus. */
function count({ fields }: RowCounts, path: string, bytes: number): void {
  const known = Object.hasOwn(fields, path) ? fields[path] : undefined
  if (known === undefined) fields[path] = { strings: 1, bytes }
  else {
    known.strings++
    known.bytes += bytes
  }
}

/** Signatures in one growing block each, so that a batch crosses the thread as a few blocks. */
function noSignatures(slots: number) {
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
    add(row: number, text: ReturnType<Signer['sign']>): void {
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
