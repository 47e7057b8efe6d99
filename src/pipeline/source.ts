import { createHash } from 'node:crypto'
import { FulcrumError } from '../errors.ts'
import { col, type Columns, misfit, type Row } from '../record/columns.ts'
import { sha256OfFile } from '../store/files.ts'
import { readRecords, type SourceRecord } from '../store/records.ts'

/** One input record at its ordinal: a row, or the reason it is none. */
export type SourceRow<C extends Columns> =
  { readonly row: Row<C>; readonly reason: null } | { readonly row: object; readonly reason: string }

/** Where rows come from. */
export interface Source<C extends Columns> {
  readonly columns: C
  readonly files: readonly string[]
  /** Malformed lines a run bears before it stops. */
  readonly malformedLimit: number
  rows(): AsyncIterable<SourceRow<C>>
}

export interface InputSummary {
  readonly file: string
  readonly sha256: string
  readonly rows: number
  readonly malformed: number
}

export interface SourceOptions {
  readonly malformedLimit?: number
}

/** Rows of JSONL or Parquet files that already have the given columns. */
export function records<C extends Columns>(
  files: string | readonly string[],
  columns: C,
  options: SourceOptions = {},
): Source<C> {
  return sourceOf(files, columns, (value) => value, options)
}

const problemColumns = {
  id: col.string('identity of the problem: as given, else a hash of its text'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
}

/** Problems with a reference answer from JSONL or Parquet. Besides `problem` and `answer`, GSM8K's `question` and
 *  `answer` with `#### 42` and MATH's `solution` with a boxed answer are understood. */
export function problems(
  files: string | readonly string[],
  options: SourceOptions = {},
): Source<typeof problemColumns> {
  return sourceOf(files, problemColumns, asProblem, options)
}

function asProblem(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const problem = value.problem ?? value.question
  const given = value.answer ?? value.solution
  const answer = typeof given === 'number' ? String(given) : given
  const id = value.id ?? value.question_id ?? value.unique_id ?? value.task_id
  return {
    id:
      id === undefined && typeof problem === 'string'
        ? contentId(problem)
        : typeof id === 'number'
          ? String(id)
          : id,
    problem,
    answer: typeof answer === 'string' ? (/####\s*(.+?)\s*$/.exec(answer)?.[1] ?? answer) : answer,
  }
}

const contentId = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

function sourceOf<C extends Columns>(
  given: string | readonly string[],
  columns: C,
  shape: (value: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
  { malformedLimit = 100 }: SourceOptions,
): Source<C> {
  const files = typeof given === 'string' ? [given] : given
  return {
    columns,
    files,
    malformedLimit,
    async *rows() {
      const seen = new Set<string>()
      for (const file of files) {
        for await (const record of readRecords(file)) yield toRow(record, columns, shape, seen)
      }
    },
  }
}

function toRow<C extends Columns>(
  { file, line, value, error }: SourceRecord,
  columns: C,
  shape: (value: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
  seen: Set<string>,
): SourceRow<C> {
  if (value === null) return { row: { at: `${file}:${line}`, error }, reason: 'malformed line' }
  const shaped = shape(value)
  const row: Record<string, unknown> = {}
  for (const [name, column] of Object.entries(columns)) {
    const found = misfit(shaped[name], column)
    if (found !== null)
      return {
        row: { at: `${file}:${line}`, ...value },
        reason: `column ${name} ${found.split(':')[0] ?? found}`,
      }
    row[name] = shaped[name] ?? null
  }
  if (typeof row.id === 'string') {
    if (seen.has(row.id)) return { row: { at: `${file}:${line}`, ...row }, reason: 'duplicate id' }
    seen.add(row.id)
  }
  return { row: row as Row<C>, reason: null }
}

/** Reads every input once before anything is spent: hashes, row counts, malformed lines against the limit. */
export async function surveyInputs(source: Source<Columns>): Promise<InputSummary[]> {
  const summaries: InputSummary[] = []
  for (const file of source.files) {
    const malformed: string[] = []
    let rows = 0
    for await (const { line, error } of readRecords(file)) {
      rows++
      if (error !== null) malformed.push(`${file}:${line}: ${error}`)
    }
    if (malformed.length > source.malformedLimit) {
      throw new FulcrumError(
        'data',
        `${file} has ${malformed.length} malformed lines, more than ${source.malformedLimit}: ${malformed.slice(0, 3).join('; ')}`,
        'Mend the file, or raise malformedLimit of the source if the lines may be lost.',
      )
    }
    summaries.push({ file, sha256: await sha256OfFile(file), rows, malformed: malformed.length })
  }
  return summaries
}
