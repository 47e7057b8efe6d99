import type { Columns, Row } from './columns.ts'

/** What a finished row looks like in a dataset config, and how a pipeline row becomes such rows. */
export interface Shape<Needs extends Columns, Out extends Columns> {
  /** Folder under data/, and the config's name in the dataset card. */
  readonly config: string
  readonly needs: Needs
  /** Columns that are used where the pipeline has them; a row may lack them. */
  readonly wants?: Columns
  readonly columns: Out
  /** JSON Lines copies beside the Parquet, for tools that read nothing else. */
  readonly sidecars?: readonly Sidecar<Out>[]
  /** None: the row has no place in this config. */
  rows(row: Row<Needs>): Iterable<Row<Out>>
}

/** Names of the columns that go into every config of a pipeline that has them: how the row stands to the benchmarks. */
export const carriedColumns: readonly string[] = [
  'decon_status',
  'decon_benchmark',
  'decon_item_id',
  'decon_ratio7',
  'decon_ngram13',
  'decon_field',
  'decon_span_start',
  'decon_span_end',
]

/** A file in sidecars/ with a line a row. */
interface Sidecar<Out extends Columns> {
  readonly file: string
  /** Columns that it leaves out. */
  readonly without: readonly string[]
  /** The line's object, from the columns that are left; without it they are the line. Null: the row has none. */
  line?(row: Row<Out>): object | null
}
