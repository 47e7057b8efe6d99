import { map } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'
import { linesOf, numbered } from '../../text/lines.ts'

const needs = { text: col.string('the passage') }
const adds = {
  numbered_text: col.string('its lines, or sentences of long lines, each with its number from 1'),
}

/** Numbers the lines of a passage, so that a model can name a part of it; passages of fewer lines are dropped. */
export function numberLines({ least = 1 }: { readonly least?: number } = {}): Stage<
  typeof needs,
  typeof adds
> {
  return map({
    name: 'numberLines',
    needs,
    adds,
    options: { least },
    each: ({ text }) =>
      linesOf(text).length < least ? { drop: `under ${least} lines` } : { numbered_text: numbered(text) },
  })
}
