import { hash } from 'node:crypto'
import type { CorpusDocument } from './documents.ts'
import type { DuplicateOptions } from './options.ts'
import { WordTable } from './word-table.ts'

/** What is known of the documents that may have a duplicate; the others need none of it. */
export interface Details {
  put(document: number, of: CorpusDocument): void
  /** The first document with the same bytes, of each; a document without details is its own. */
  exactFirsts(): Int32Array
  /** Which of two would rather stay, negative for the first; of equals the first. */
  readonly order: (a: number, b: number) => number
}

/** Details of documents 0..size-1. */
export function newDetails(size: number, keep: DuplicateOptions['keep']): Details {
  const places = new Int32Array(size).fill(-1)
  const documents = new WordTable(1)
  const table = new WordTable(byteColumn + 1)
  const rates: number[] = []
  const row = new Uint32Array(table.width)
  const bytes = (document: number): number => table.get(places[document] as number, byteColumn)
  const rate = (document: number): number => rates[places[document] as number] as number
  const score = { first: () => 0, longest: bytes, 'pass-rate': rate }[keep]
  return {
    put: (document, { texts, passRate }) => {
      const utf8 = Buffer.from(texts.length === 1 ? (texts[0] as string) : JSON.stringify(texts))
      // 128 bits of SHA-256: two texts of one hash are one text.
      const digest = hash('sha256', utf8, 'buffer')
      for (let i = 0; i < byteColumn; i++) row[i] = digest.readUInt32LE(4 * i)
      row[byteColumn] = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
      places[document] = table.push(row)
      documents.push([document])
      if (keep === 'pass-rate') rates.push(passRate ?? -1)
    },
    exactFirsts: () => {
      const firsts = table.firstOfKind(0, byteColumn)
      return Int32Array.from(places, (place, document) =>
        place < 0 ? document : documents.get(firsts[place] as number, 0),
      )
    },
    order: (a, b) => score(b) - score(a) || a - b,
  }
}

const byteColumn = 4
