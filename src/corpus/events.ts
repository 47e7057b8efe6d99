import type { TextMatches } from '../text/scan.ts'

/** A text of a record that shares something with the index. */
export interface FieldHit {
  /** `text`, `messages[2].content` */
  readonly path: string
  /** Bytes of the record between the quotes of the string, escapes and all; of the value itself in Parquet. */
  readonly byteStart: number
  readonly byteEnd: number
  /** UTF-8, escapes resolved: what the matches' bytes count in. */
  readonly text: Uint8Array
  readonly matches: TextMatches
}

/** A record that shares something with the index. */
export interface CorpusHit {
  readonly kind: 'hit'
  /** Place in the list of files. */
  readonly file: number
  /** Line of a text file or row of a Parquet file, from 1. */
  readonly row: number
  /** The record's own `id`, or null where it has none. */
  readonly id: string | null
  /** Bytes of the line, without its line end, in the unpacked file; 0, 0 for Parquet. */
  readonly recordStart: number
  readonly recordEnd: number
  /** Those bytes; null for Parquet. */
  readonly record: Uint8Array | null
  readonly fields: readonly FieldHit[]
}

/** Why a row was not read; counted by this word. */
export type UnreadableReason =
  'not UTF-8' | 'not JSON' | 'not a JSON object' | 'nested too deeply' | 'line too long'

/** A row that was skipped. */
export interface UnreadableRow {
  readonly kind: 'unreadable-row'
  readonly file: number
  readonly row: number
  readonly recordStart: number
  readonly recordEnd: number
  readonly reason: UnreadableReason
  /** What exactly is wrong, with the value. */
  readonly detail: string
}

/** A file that breaks off: what was read before counts as read. */
interface UnreadableFile {
  readonly kind: 'unreadable-file'
  readonly file: number
  /** Names the file and the place. */
  readonly detail: string
}

/** MinHash signatures of rows that have text, in the order of rows. */
export interface SignedRows {
  readonly kind: 'signed-rows'
  readonly file: number
  readonly rows: Uint32Array
  /** bands x rows slots a row */
  readonly signatures: Uint32Array
  readonly words: Uint32Array
  /** 16 bytes a row */
  readonly contentHashes: Uint8Array
}

/** What one part of a pass counted; sums over parts give the totals. */
export interface RowCounts {
  /** Lines, or rows of Parquet: how far the row numbers go on. */
  lines: number
  /** Records, also unreadable ones; not blank lines. */
  rows: number
  /** Unpacked bytes of lines; of texts in Parquet. */
  bytes: number
  /** UTF-8 bytes of the texts scanned. */
  textBytes: number
  words: number
  /** Rows with no string at the selected places. */
  withoutText: number
  readonly unreadable: Partial<Record<UnreadableReason, number>>
  /** Strings and bytes by path, as `messages[].content`. */
  readonly fields: Record<string, { strings: number; bytes: number }>
}

export const noCounts = (): RowCounts => ({
  lines: 0,
  rows: 0,
  bytes: 0,
  textBytes: 0,
  words: 0,
  withoutText: 0,
  unreadable: {},
  fields: {},
})

/** Adds one count to another. */
export function addCounts(to: RowCounts, from: RowCounts): void {
  for (const name of ['lines', 'rows', 'bytes', 'textBytes', 'words', 'withoutText'] as const)
    to[name] += from[name]
  for (const [reason, count] of Object.entries(from.unreadable) as [UnreadableReason, number][])
    to.unreadable[reason] = (to.unreadable[reason] ?? 0) + count
  for (const [path, { strings, bytes }] of Object.entries(from.fields)) {
    const known = Object.hasOwn(to.fields, path) ? to.fields[path] : undefined
    const place = known === undefined && Object.keys(to.fields).length >= mostPaths ? otherPaths : path
    const sum = (Object.hasOwn(to.fields, place) ? to.fields[place] : undefined) ?? { strings: 0, bytes: 0 }
    to.fields[place] = { strings: sum.strings + strings, bytes: sum.bytes + bytes }
  }
}

/** Stands for all paths beyond the first 1,000 or so. */
export const otherPaths = '(other paths)'
const mostPaths = 1024

/** The end of a pass. */
export interface CorpusTotals {
  readonly kind: 'totals'
  readonly files: readonly FileTotals[]
  readonly counts: RowCounts
  /** Documents with each 7-gram of the index, by gram id. */
  readonly documentFrequency: Uint32Array
}

export interface FileTotals extends RowCounts {
  readonly path: string
  /** What broke the file off, or null. */
  readonly damage: string | null
}

export type CorpusEvent = CorpusHit | UnreadableRow | UnreadableFile | SignedRows | CorpusTotals
