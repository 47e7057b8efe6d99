import type { Columns, Row } from './columns.ts'

/** What a finished row looks like in a dataset config, and how a pipeline row becomes such rows. */
export interface Shape<Needs extends Columns, Out extends Columns> {
  /** Folder under data/, and the config's name in the dataset card. */
  readonly config: string
  readonly needs: Needs
  readonly columns: Out
  /** None: the row has no place in this config. */
  rows(row: Row<Needs>): Iterable<Row<Out>>
}
