import { createHash } from 'node:crypto'
import { FulcrumError } from '../errors.ts'
import { col, type Columns, misfit, type Row } from '../record/columns.ts'
import { statedAnswer } from '../verify/extract.ts'
import { sha256OfFile } from '../store/files.ts'
import { readRecords, type SourceRecord } from '../store/records.ts'

/** One input record at its ordinal: a row, or the reason it is none. */
export type SourceRow<C extends Columns> =
  { readonly row: Row<C>; readonly reason: null } | { readonly row: object; readonly reason: string }

/** Where rows come from. */
export interface Source<C extends Columns> {
  readonly columns: C
  readonly files: readonly string[]
  /** Malformed lines of one file a run bears; more stop it. */
  readonly malformedLimit: number | null
  rows(): AsyncIterable<SourceRow<C>>
}

export interface InputSummary {
  readonly file: string
  readonly sha256: string
  readonly rows: number
  readonly malformed: number
}

export interface SourceOptions {
  /** Malformed lines of one file a run bears; by default one in ten (of a short file 3), at most 100. */
  readonly malformedLimit?: number
  /** Names that fields have in the files, by the name they should have: `{ problem: 'task_text' }`. */
  readonly rename?: Readonly<Record<string, string>>
}

/** Rows of JSONL or Parquet files that have the given columns; an `id` that is not there is a hash of the record. */
export function records<C extends Columns>(
  files: string | readonly string[],
  columns: C,
  options: SourceOptions = {},
): Source<C> {
  const identified = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
    'id' in columns && value.id === undefined ? { ...value, id: contentId(JSON.stringify(value)) } : value
  return sourceOf(files, columns, identified, options)
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
  const id = value.id ?? value.question_id ?? value.unique_id ?? value.task_id
  return {
    id: id === undefined && typeof problem === 'string' ? contentId(problem) : asText(id),
    problem,
    answer: answerOf(asText(value.answer ?? value.solution)),
  }
}

/** GSM8K ends its worked answer with `#### 42`; a MATH solution has the answer in a box. Others are the answer. */
function answerOf(given: unknown): unknown {
  return typeof given === 'string' && /####|\\boxed/.test(given)
    ? (statedAnswer(given).answer ?? given)
    : given
}

const asText = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'bigint' ? String(value) : value

const contentId = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12)

function sourceOf<C extends Columns>(
  given: string | readonly string[],
  columns: C,
  shape: (value: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
  { malformedLimit, rename = {} }: SourceOptions,
): Source<C> {
  const files = typeof given === 'string' ? [given] : given
  const renamed = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
    ...value,
    ...Object.fromEntries(Object.entries(rename).map(([to, from]) => [to, value[from]])),
  })
  return {
    columns,
    files,
    malformedLimit: malformedLimit ?? null,
    async *rows() {
      const seen = new Set<string>()
      for (const file of files) {
        for await (const record of readRecords(file))
          yield toRow(record, columns, (value) => shape(renamed(value)), seen)
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
    const examples: string[] = []
    let [rows, malformed] = [0, 0]
    for await (const { line, error } of readRecords(file)) {
      rows++
      if (error === null) continue
      malformed++
      if (examples.length < 3) examples.push(`${file}:${line}: ${error}`)
    }
    const limit = source.malformedLimit ?? Math.min(100, Math.max(3, Math.floor(rows / 10)))
    if (malformed > limit) {
      throw new FulcrumError(
        'data',
        `${file} has ${malformed} malformed lines of ${rows}, more than ${limit}: ${examples.join('; ')}`,
        'Mend the file, or raise malformedLimit of the source if the lines may be lost.',
      )
    }
    summaries.push({ file, sha256: await sha256OfFile(file), rows, malformed })
  }
  return summaries
}
