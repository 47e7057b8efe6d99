import type { Columns } from '../record/columns.ts'
import { carriedColumns, type Shape } from '../record/shape.ts'

type AnyShape = Shape<Columns, Columns>

/** A shape with the columns besides its own that the pipeline has at this point and that every config takes along. */
export function withCarried(shape: AnyShape, have: Columns): AnyShape {
  const names = carriedColumns.filter((name) => name in have && !(name in shape.columns))
  if (names.length === 0) return shape
  const carried = Object.fromEntries(names.flatMap((name) => (have[name] ? [[name, have[name]]] : [])))
  return {
    ...shape,
    columns: { ...shape.columns, ...carried },
    *rows(row) {
      const values = Object.fromEntries(names.map((name) => [name, row[name]]))
      for (const shaped of shape.rows(row)) yield { ...shaped, ...values }
    },
  }
}
