import type { Columns, Row } from './columns.ts'

/** What a finished row looks like in a dataset config, and how a pipeline row becomes such rows. */
export interface Shape<Needs extends Columns, Out extends Columns> {
  /** Folder under data/, and the config's name in the dataset card. */
  readonly config: string
  readonly needs: Needs
  readonly columns: Out
  /** A JSON Lines copy beside the Parquet, for tools that read nothing else. */
  readonly sidecar?: Sidecar
  /** None: the row has no place in this config. */
  rows(row: Row<Needs>): Iterable<Row<Out>>
}

/** A file in sidecars/ with a line a row. */
interface Sidecar {
  readonly file: string
  /** Columns that it leaves out. */
  readonly without: readonly string[]
}
