import type { Columns, Row } from './columns.ts'
import type { Shape } from './shape.ts'

/** A config of columns as the rows have them, under a name of its own: for what no trainer prescribes a form. */
export function plain<C extends Columns>(config: string, columns: C): Shape<C, C> {
  const names = Object.keys(columns)
  return {
    config,
    needs: columns,
    columns,
    rows: (row) => [Object.fromEntries(names.map((name) => [name, row[name]])) as Row<C>],
  }
}
