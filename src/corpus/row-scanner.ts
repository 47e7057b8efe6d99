import type { SignatureShape } from '../text/minhash.ts'
import type { SigningScanner, TextMatches } from '../text/scan.ts'
import {
  type CorpusHit,
  noCounts,
  type RowCounts,
  type SignedRows,
  type UnreadableReason,
  type UnreadableRow,
} from './events.ts'
import { createRowSignature, noSignatures } from './row-signature.ts'

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
  /** Ends the row, which had so many texts. */
  readonly endRow: (row: number, texts: number) => void
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

/** `shape` is that of the signatures the scanner makes, or null. */
export function createRowScanner(scanner: SigningScanner, shape: SignatureShape | null): RowScanner {
  const slots = shape === null ? 0 : shape.bands * shape.rows
  const signature = createRowSignature(slots)
  let counts = noCounts()
  let events: Batch['events'] = []
  let signed = noSignatures(slots)
  let eventBytes = 0
  let wordsBefore = scanner.scannedWords
  return {
    scan(path, text) {
      count(counts, path, text.length)
      if (shape === null) return scanner.scan(text)
      const both = scanner.scanAndSign(text)
      signature.add(both.signed)
      return both.matches
    },
    endRow(row, texts) {
      counts.rows++
      if (texts === 0) {
        counts.withoutText++
        return
      }
      scanner.endDocument()
      if (shape !== null) signed.add(row, signature.take())
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

/** Without an entry per text for paths seen before: this is called for every string of a corpus. */
function count(counts: RowCounts, path: string, bytes: number): void {
  counts.textBytes += bytes
  const { fields } = counts
  const known = Object.hasOwn(fields, path) ? fields[path] : undefined
  if (known === undefined) fields[path] = { strings: 1, bytes }
  else {
    known.strings++
    known.bytes += bytes
  }
}
