import { basename } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import { readRecords } from '../../store/records.ts'
import type { CorpusDocument } from './documents.ts'

/** A file of a corpus and the name it has in what is written. */
export interface CorpusFile {
  readonly path: string
  readonly name: string
}

/** One row of a corpus file. */
export interface CorpusRow {
  /** Position of the file in the corpus. */
  readonly file: number
  /** Line of a text file, row of a Parquet file, from 1. */
  readonly row: number
  readonly value: Readonly<Record<string, unknown>> | null
  readonly document: CorpusDocument | null
  /** Why it is no document. */
  readonly reason: string | null
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

/** All rows, in the order of the files. */
export async function* corpusRows(files: readonly CorpusFile[], field: string): AsyncGenerator<CorpusRow> {
  for (const [file, { path }] of files.entries()) {
    for await (const { line, value, error } of readRecords(path)) {
      if (value === null) {
        yield {
          file,
          row: line,
          value,
          document: null,
          reason: error === null ? 'malformed' : 'malformed line',
        }
        continue
      }
      const text = textOf(value[field])
      const rate = value.pass_rate
      yield {
        ...{ file, row: line, value },
        document: text === null ? null : { text, passRate: typeof rate === 'number' ? rate : null },
        reason: text === null ? `no text in ${field}` : null,
      }
    }
  }
}

/** A string, or the strings of a list of messages (`content`, `value` or `text` of each), one a line; else null. */
export function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (!Array.isArray(value)) return null
  const texts = value.map((item: unknown) => {
    if (typeof item === 'string') return item
    if (typeof item !== 'object' || item === null) return null
    const { content, value: said, text } = item as Record<string, unknown>
    return [content, said, text].find((found) => typeof found === 'string') ?? null
  })
  const found = texts.filter((text): text is string => text !== null)
  return found.length === 0 ? null : found.join('\n')
}
