import { z } from 'zod'
import { map } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'

const needs = { answer: col.string('tests as JSON, as src/verify/code/README.md shows them') }
const adds = { language: col.string('programming language that the tests are for') }

const named = z.object({ language: z.string().min(1) })

/** Says which language the tests of a program are for; rows whose tests do not say are dropped. */
export function readTests(): Stage<typeof needs, typeof adds> {
  return map({
    name: 'readTests',
    needs,
    adds,
    each: ({ answer }) => {
      try {
        return named.parse(JSON.parse(answer))
      } catch {
        return { drop: 'tests that name no language' }
      }
    },
  })
}
