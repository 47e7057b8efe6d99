import assert from 'node:assert/strict'
import { type Columns, misfit } from '../../src/record/columns.ts'

/** Every declared column of the row is there with its type. */
export function checked(row: Readonly<Record<string, unknown>>, columns: Columns): void {
  for (const [name, column] of Object.entries(columns)) assert.equal(misfit(row[name], column), null, name)
}
