import { z } from 'zod'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'
import { linesOf } from '../../text/lines.ts'
import { ask } from './ask.ts'
import type { Author } from './ask-model.ts'
import { jsonReply } from './reply.ts'

const needs = {
  seed_id: col.string('identity of the passage'),
  text: col.string('the passage'),
  numbered_text: col.string('its lines with their numbers'),
}

/** The metadata of Phi-4, appendix D.1.1; the scales are ours. */
const adds = {
  excerpt_id: col.string('passage and number of the excerpt'),
  excerpt_text: col.string('the lines of the passage, as they stand there'),
  excerpt_start_line: col.int32('number of its first line, from 1'),
  excerpt_end_line: col.int32('number of its last line'),
  information_type: col.string('kind of information'),
  excerpt_description: col.string('what it says, in one sentence'),
  excerpt_complexity: col.int32('1 plain to 5 hard to follow'),
  factual_obscurity: col.int32('1 known to everybody to 5 to hardly anybody'),
  excerpt_steps: col.list(col.string('step'), 'steps of its reasoning, in order'),
  excerpt_dependencies: col.list(col.string('dependency'), 'what must be known before'),
}

const rating = z.int().min(1).max(5)
const excerpt = z.object({
  start_line: z.int().min(1),
  end_line: z.int().min(1),
  information_type: z.string(),
  description: z.string(),
  complexity: rating,
  factual_obscurity: rating,
  reasoning: z.boolean(),
  steps: z.array(z.string()),
  dependencies: z.array(z.string()),
})
const reply = z.object({ excerpts: z.array(excerpt) })

export interface FindExcerptsOptions extends Author {
  readonly prompt: string
  /** Excerpts a passage at most. */
  readonly count: number
  /** Excerpts of less complexity are left out, 1 to 5. */
  readonly leastComplexity: number
}

/** Lets a model mark the parts of a passage that hold reasoning, with the metadata of Phi-4's appendix D.1.1. The text of
 *  an excerpt is cut out of the passage, never taken from the reply. */
export function findExcerpts(of: FindExcerptsOptions): Stage<typeof needs, typeof adds> {
  return ask({
    ...of,
    name: 'findExcerpts',
    needs,
    adds,
    key: 'seed_id',
    // Settings are part of the identity of the stage, also those that the prompt has no place for.
    settings: { count: of.count, leastComplexity: of.leastComplexity },
    reply: jsonReply(reply),
    check: ({ excerpts }, { text }) => {
      const lines = linesOf(text).length
      const wrong = excerpts.find(({ start_line: start, end_line: end }) => start > end || end > lines)
      return wrong === undefined
        ? null
        : `lines ${wrong.start_line} to ${wrong.end_line} of a passage of ${lines}`
    },
    empty: 'no excerpt with reasoning of this complexity',
    each: ({ excerpts }, { seed_id: seed, text }) => {
      const lines = linesOf(text)
      return excerpts
        .slice(0, of.count)
        .filter(
          ({ reasoning, steps, complexity }) =>
            reasoning && steps.length > 0 && complexity >= of.leastComplexity,
        )
        .map((found, i) => ({
          excerpt_id: `${seed}-e${i}`,
          excerpt_text: text.slice(lines[found.start_line - 1]?.start, lines[found.end_line - 1]?.end).trim(),
          excerpt_start_line: found.start_line,
          excerpt_end_line: found.end_line,
          information_type: found.information_type,
          excerpt_description: found.description,
          excerpt_complexity: found.complexity,
          factual_obscurity: found.factual_obscurity,
          excerpt_steps: found.steps,
          excerpt_dependencies: found.dependencies,
        }))
    },
  })
}
