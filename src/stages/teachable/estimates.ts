import { join } from 'node:path'
import { FulcrumError } from '../../errors.ts'
import type { Source, SourceRow } from '../../pipeline/source.ts'
import { type Column, type Columns, misfit, typeFromName } from '../../record/columns.ts'
import type { Manifest } from '../../store/manifest.ts'
import { readRecords } from '../../store/records.ts'

/** Columns without which a band cannot be cut again. */
const wanted = ['pass_rate', 'n_rollouts', 'pass_rate_low', 'pass_rate_high']

/** Stages that drop rows for their pass rate. */
const gates = ['teachable', 'refilter']

/** A stored row with its estimate. */
export interface Estimated {
  readonly row: Readonly<Record<string, unknown>>
  /** The gate had dropped it. */
  readonly wasDropped: boolean
  /** Columns of the config that it lacks: later stages would have added them. */
  readonly lacks: readonly string[]
}

/** The rows of one dataset of a run, and those that its gate dropped, made into rows of the same columns. */
export interface Estimates {
  readonly config: string
  readonly columns: Columns
  readonly files: readonly string[]
  /** One a stored record, in order; the reason for records that another stage dropped. */
  read(): AsyncIterable<Estimated | { readonly droppedBy: string; readonly row: object }>
}

export function estimatesOf(manifest: Manifest, folder: string, config: string | undefined): Estimates {
  const name = config ?? usual(manifest)
  const found = manifest.configs[name]
  const lacks = wanted.filter((column) => found?.columns[column] === undefined)
  if (found === undefined || lacks.length > 0) {
    throw new FulcrumError(
      'config',
      `The dataset ${name} ${found === undefined ? 'is not there' : `has no ${lacks.join(', ')}`}`,
      `Those with pass rates: ${withRates(manifest).join(', ') || 'none; write passRates behind teachable'}.`,
    )
  }
  const columns: Columns = Object.fromEntries(
    Object.entries(found.columns).map(([column, { type, ...rest }]): [string, Column] => [
      column,
      { ...rest, type: typeFromName(type) },
    ]),
  )
  const kept = found.shards.map(({ file }) => join(folder, file))
  const removed = manifest.removed.shards.map(({ file }) => join(folder, file))
  return {
    config: name,
    columns,
    files: [...kept, ...removed],
    async *read() {
      for (const file of kept)
        for await (const { value } of readRecords(file))
          yield { row: value ?? {}, wasDropped: false, lacks: [] }
      for (const file of removed)
        for await (const { value } of readRecords(file)) yield fromRemoved(value ?? {}, columns)
    },
  }
}

/** The estimates as a source of rows, `decide` saying why a row does not go on. */
export function estimatesSource(
  estimates: Estimates,
  remember: (row: object, ordinal: number) => void,
): Source<Columns> {
  return {
    columns: estimates.columns,
    files: estimates.files,
    malformedLimit: null,
    async *rows(): AsyncGenerator<SourceRow<Columns>> {
      let ordinal = 0
      for await (const record of estimates.read()) {
        if ('droppedBy' in record) yield { row: record.row, reason: `dropped before: ${record.droppedBy}` }
        else {
          const row = { ...record.row }
          remember(row, ordinal)
          yield { row, reason: null }
        }
        ordinal++
      }
    },
  }
}

const withRates = ({ configs }: Manifest): string[] =>
  Object.entries(configs).flatMap(([name, { columns }]) =>
    wanted.every((column) => column in columns) ? [name] : [],
  )

/** `pass_rates` where it is there, else the only one. */
function usual(manifest: Manifest): string {
  const all = withRates(manifest)
  const [only] = all.includes('pass_rates') ? ['pass_rates'] : all
  if (only !== undefined && (all.length === 1 || only === 'pass_rates')) return only
  throw new FulcrumError(
    'config',
    all.length === 0
      ? `No dataset of ${manifest.name} has pass rates`
      : `Several datasets of ${manifest.name} have pass rates: ${all.join(', ')}`,
    all.length === 0
      ? 'Run its pipeline with --until teachable, or with .into(passRates) behind teachable.'
      : 'Name one with --config.',
  )
}

function fromRemoved(
  record: Readonly<Record<string, unknown>>,
  columns: Columns,
): Estimated | { droppedBy: string; row: object } {
  const { stage, reason, row } = record
  const parsed = parse(row)
  if (!gates.includes(String(stage)) || typeof parsed.pass_rate !== 'number')
    return { droppedBy: `${String(stage)}: ${String(reason)}`, row: parsed }
  const made: Record<string, unknown> = {}
  const lacks: string[] = []
  for (const [name, column] of Object.entries(columns)) {
    const value = parsed[name] ?? (name === 'question_id' ? parsed.id : undefined)
    const fit = column.type.kind === 'int64' && typeof value === 'string' ? BigInt(value) : value
    if (misfit(fit, column) !== null) lacks.push(name)
    made[name] = fit ?? null
  }
  return { row: lacks.length === 0 ? made : parsed, wasDropped: true, lacks }
}

/** Our own writer made it; a row that is none has no estimate. */
function parse(row: unknown): Record<string, unknown> {
  const parsed: unknown = typeof row === 'string' ? JSON.parse(row) : null
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
}
