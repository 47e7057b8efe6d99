import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import { readRecords } from '../../store/records.ts'
import { words } from '../../text/words.ts'

/** A benchmark that must not leak into the data. */
export interface BenchmarkFile {
  /** Shown in verdicts; the file's name without extension by default. */
  readonly name?: string
  /** JSONL(.gz) or Parquet, one item a record. */
  readonly file: string
  /** Fields whose texts are indexed, each as a text of its own; a dot goes into a struct. By default the first of the
   *  usual question fields that an item has. */
  readonly fields?: readonly string[]
}

/** One text of one benchmark item. */
export interface BenchmarkText {
  readonly benchmark: string
  readonly itemId: string
  readonly words: readonly string[]
}

/** Question fields of the usual benchmarks, the more specific first. */
const usualFields = [
  'problem',
  'question',
  'Question',
  'question_stem',
  'question_content',
  'prompt',
  'query',
  'text',
  'sentence',
  'goal',
  'ctx',
  'sent1',
  'turns',
  'input',
  'description',
]

export const nameOf = ({ name, file }: BenchmarkFile): string =>
  name ?? basename(file).replace(/\.(jsonl|ndjson|json|parquet)(\.gz)?$/, '')

/** What the file holds, as part of a run's identity. Read at once: a missing benchmark must stop a run before it spends. */
export function sha256Of({ file }: BenchmarkFile): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex')
  } catch (cause) {
    throw new FulcrumError(
      'data',
      `Cannot read the benchmark ${file}: ${cause instanceof Error ? cause.message : String(cause)}`,
      'Check the path given to decontaminate; without the benchmark nothing can be said to be clean.',
      cause,
    )
  }
}

/** Texts of all items; those of items without words are left out and counted. */
export async function readBenchmark(
  benchmark: BenchmarkFile,
): Promise<{ texts: BenchmarkText[]; items: number; empty: number }> {
  const texts: BenchmarkText[] = []
  const name = nameOf(benchmark)
  let items = 0
  let empty = 0
  for await (const { file, line, value, error } of readRecords(benchmark.file)) {
    if (value === null) {
      throw new FulcrumError(
        'data',
        `${file}:${line} is no benchmark item: ${String(error)}`,
        'Mend the line: an item that is not read cannot be protected.',
      )
    }
    items++
    const found = textsOf(value, benchmark.fields).map(words)
    const itemId = idOf(value, line)
    const useful = found.filter((text) => text.length > 0)
    if (useful.length === 0) empty++
    for (const text of useful) texts.push({ benchmark: name, itemId, words: text })
  }
  if (texts.length === 0) throw noTexts(benchmark, items)
  return { texts, items, empty }
}

function textsOf(item: Readonly<Record<string, unknown>>, fields?: readonly string[]): string[] {
  if (fields !== undefined) return fields.flatMap((field) => strings(at(item, field)))
  for (const field of usualFields) {
    const found = strings(item[field])
    if (found.length > 0) return found
  }
  return []
}

function at(item: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
      item,
    )
}

const strings = (value: unknown): string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? value.flatMap(strings) : []

function idOf(item: Readonly<Record<string, unknown>>, line: number): string {
  for (const key of ['id', 'task_id', 'question_id', 'unique_id', 'uid']) {
    const id = item[key]
    if (typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint') return String(id)
  }
  return String(line)
}

function noTexts({ file, fields }: BenchmarkFile, items: number): FulcrumError {
  return new FulcrumError(
    'data',
    `${file} has ${items} items and no text in ${(fields ?? usualFields).join(', ')}`,
    'Name the fields that hold its questions: { file, fields: [...] }.',
  )
}
