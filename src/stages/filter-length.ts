import { FulcrumError } from '../errors.ts'
import { filter, type NoColumns } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col, type Column } from '../record/columns.ts'
import { words } from '../text/words.ts'

export interface FilterLengthOptions<Field extends string> {
  readonly field: Field
  /** Words from here on stay. */
  readonly least: number
  /** Up to here, this many included. */
  readonly most: number
}

/** Drops rows whose text has too few or too many words. */
export function filterLength<Field extends string>({
  field,
  least,
  most,
}: FilterLengthOptions<Field>): Stage<Readonly<Record<Field, Column<string>>>, NoColumns> {
  if (!(least >= 0 && most >= least)) {
    throw new FulcrumError(
      'config',
      `filterLength cannot keep ${field} of ${least} to ${most} words`,
      'The least must be from 0, and the most not below it.',
    )
  }
  return filter({
    name: `filterLength-${field}`,
    needs: { [field]: col.string('text whose words are counted') } as Record<Field, Column<string>>,
    options: { field, least, most },
    reject: (row) => {
      const count = words((row as Readonly<Record<string, string>>)[field] ?? '').length
      if (count < least) return `too short: under ${least} words`
      return count > most ? `too long: over ${most} words` : null
    },
  })
}
