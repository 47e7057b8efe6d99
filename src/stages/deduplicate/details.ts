import { hash } from 'node:crypto'
import type { CorpusDocument } from './documents.ts'
import type { DuplicateOptions } from './options.ts'
import { WordTable } from './word-table.ts'

/** What is known of the documents that may have a duplicate; the others need none of it. */
export interface Details {
  /** `words` are those of each text. */
  put(document: number, of: CorpusDocument, words: readonly (readonly string[])[]): void
  /** The first document with the same bytes, of each; a document without details is its own. */
  exactFirsts(): Int32Array
  /** The first with the same words; a text without any word (signs only) is like no other but its equals. */
  wordsFirsts(): Int32Array
  /** Which of two would rather stay, negative for the first; of equals the first. */
  readonly order: (a: number, b: number) => number
}

/** Details of documents 0..size-1. Texts, and the words of texts, are told apart by 128 bits of SHA-256. */
export function newDetails(size: number, keep: DuplicateOptions['keep']): Details {
  const places = new Int32Array(size).fill(-1)
  const documents = new WordTable(1)
  const table = new WordTable(columns.bytes + 1)
  const rates: number[] = []
  const row = new Uint32Array(table.width)
  const bytes = (document: number): number => table.get(places[document] as number, columns.bytes)
  const rate = (document: number): number => rates[places[document] as number] as number
  const score = { first: () => 0, longest: bytes, 'pass-rate': rate }[keep]
  const firsts = (column: number): Int32Array => {
    const found = table.firstOfKind(column, column + 4)
    return Int32Array.from(places, (place, document) =>
      place < 0 ? document : documents.get(found[place] as number, 0),
    )
  }
  return {
    put: (document, { texts, passRate }, words) => {
      putHash(texts.length === 1 ? (texts[0] as string) : JSON.stringify(texts), columns.exact, row)
      const spoken = words.filter((found) => found.length > 0)
      if (spoken.length === 0) row.copyWithin(columns.words, columns.exact, columns.exact + 4)
      else putHash(spoken.map((found) => found.join(' ')).join('\n'), columns.words, row)
      row[columns.bytes] = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
      places[document] = table.push(row)
      documents.push([document])
      if (keep === 'pass-rate') rates.push(passRate ?? -1)
    },
    exactFirsts: () => firsts(columns.exact),
    wordsFirsts: () => firsts(columns.words),
    order: (a, b) => score(b) - score(a) || a - b,
  }
}

/** Of the table, in 32-bit words. */
const columns = { exact: 0, words: 4, bytes: 8 }

function putHash(text: string, column: number, row: Uint32Array): void {
  const digest = hash('sha256', text, 'buffer')
  for (let i = 0; i < 4; i++) row[column + i] = digest.readUInt32LE(4 * i)
}
