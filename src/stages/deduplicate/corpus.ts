import { basename } from 'node:path'
import type { CorpusTotals } from '../../corpus/events.ts'
import { damageOf, scanCorpus } from '../../corpus/scan.ts'
import { FulcrumError } from '../../errors.ts'
import { readRecords } from '../../store/records.ts'
import { buildTextIndex } from '../../text/scan.ts'
import { type CorpusRow, corpusRows } from './corpus-rows.ts'
import type { DocumentSource } from './documents.ts'
import { WordTable } from './word-table.ts'

/** A file of a corpus and the name it has in what is written. */
export interface CorpusFile {
  readonly path: string
  readonly name: string
}

/** Names without folders, made distinct by their position where two files have the same. */
export function corpusFiles(paths: readonly string[]): CorpusFile[] {
  const names = paths.map((path) => basename(path))
  const twice = paths.find((path, i) => paths.indexOf(path) !== i)
  if (twice !== undefined) {
    throw new FulcrumError(
      'config',
      `${twice} is given twice`,
      'Give each file once: all its rows would be duplicates.',
    )
  }
  return paths.map((path, i) => {
    const name = names[i] as string
    return { path, name: names.indexOf(name) === i ? name : `${i + 1}-${name}` }
  })
}

/** A row that is a document, with its number among them. */
interface DocumentRow extends CorpusRow {
  readonly document: number
  /** Position of its file. */
  readonly file: number
}

/** A corpus of files as documents: rows that have text in the selected fields. */
export interface Corpus extends DocumentSource {
  /** Documents for which `wanted` is 1, as rows. */
  rows(wanted: Uint8Array): AsyncIterable<DocumentRow>
  /** After the first pass. */
  totals(): CorpusTotals
  documentsIn(file: number): { readonly start: number; readonly end: number }
  /** `file:row` */
  nameOf(document: number): string
  rowOf(document: number): number
}

export interface CorpusInput {
  readonly files: readonly CorpusFile[]
  readonly fields: readonly string[]
  readonly workers?: number
  readonly progress?: (bytes: number, allBytes: number) => void
}

/** A corpus of files. The first pass signs rows in worker threads and keeps the row of each document, 4 bytes; later ones
 *  parse only the rows that are asked for. */
export function openCorpus({ files, fields, workers, progress }: CorpusInput): Corpus {
  const rowOf = new WordTable(1)
  /** First document of each file that has one. */
  const starts = files.map(() => -1)
  let totals: CorpusTotals | undefined

  const documentsIn = (file: number): { start: number; end: number } => {
    const start = starts[file] as number
    if (start < 0) return { start: 0, end: 0 }
    return { start, end: starts.find((other, i) => i > file && other >= 0) ?? rowOf.rows }
  }
  const rows = async function* (wanted: Uint8Array): AsyncGenerator<DocumentRow> {
    for (const [file, { path }] of files.entries()) {
      const { start, end } = documentsIn(file)
      const documents = wantedIn(wanted, start, end)
      let next = 0
      for await (const row of corpusRows(path, fields, rowsOf(documents, rowOf))) {
        yield { ...row, file, document: documents[next++] as number }
      }
      if (next < documents.length) throw changed(path)
    }
  }
  return {
    rows,
    documentsIn,
    texts: rows,
    totals: () => totals as CorpusTotals,
    nameOf: (document) => {
      const file = starts.findLastIndex((start) => start >= 0 && start <= document)
      return `${files[file]?.name ?? ''}:${rowOf.get(document, 0)}`
    },
    rowOf: (document) => rowOf.get(document, 0),
    async *signed(shape) {
      const options = {
        index: buildTextIndex([]),
        fields,
        signatures: shape,
        ...(workers !== undefined && { workers }),
        ...(progress !== undefined && { progress }),
      }
      for await (const event of scanCorpus(files, options)) {
        if (event.kind === 'totals') totals = event
        if (event.kind !== 'signed-rows') continue
        for (const row of event.rows) {
          const document = rowOf.push([row])
          if (starts[event.file] === -1) starts[event.file] = document
        }
        yield event
      }
      const damage = damageOf(totals as CorpusTotals)
      if (damage !== null)
        throw new FulcrumError('data', damage.message, 'Fetch or write the file again; nothing was written.')
      if (rowOf.rows === 0) throw await nothingToCompare(files, fields, (totals as CorpusTotals).counts.rows)
    },
  }
}

function wantedIn(wanted: Uint8Array, start: number, end: number): Int32Array {
  let count = 0
  for (let document = start; document < end; document++) if (wanted[document] === 1) count++
  const documents = new Int32Array(count)
  for (let document = start, at = 0; document < end; document++)
    if (wanted[document] === 1) documents[at++] = document
  return documents
}

function* rowsOf(documents: Int32Array, rowOf: WordTable): Generator<number> {
  for (const document of documents) yield rowOf.get(document, 0)
}

const changed = (path: string): FulcrumError =>
  new FulcrumError(
    'data',
    `${path} changed while it was read`,
    'Run the same command again when the file is whole.',
  )

async function nothingToCompare(
  files: readonly CorpusFile[],
  fields: readonly string[],
  rows: number,
): Promise<FulcrumError> {
  const names = files.map(({ path }) => path).join(', ')
  if (rows === 0)
    return new FulcrumError('data', `There are no rows in ${names}`, 'Give a file with at least one row.')
  const seen = new Set<string>()
  let looked = 0
  for (const { path } of files.filter((file) => !file.path.endsWith('.zst'))) {
    for await (const { value } of readRecords(path)) {
      for (const name of Object.keys(value ?? {})) seen.add(name)
      if (++looked >= 100) break
    }
  }
  return new FulcrumError(
    'data',
    `None of the ${rows} rows of ${names} has a text in ${fields.join(', ')}`,
    `Choose another --field; the first rows have ${[...seen].slice(0, 12).join(', ') || 'none'}.`,
  )
}
