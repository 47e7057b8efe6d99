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

const adds = {
  gap_prefix: col.string('the passage before the gap'),
  gap_middle: col.string('what was taken out'),
  gap_suffix: col.string('the passage behind it'),
  gap_reason: col.string('why the model holds it to be reconstructible'),
}

const reply = z.discriminatedUnion('possible', [
  z.object({
    possible: z.literal(true),
    start_line: z.int().min(1),
    end_line: z.int().min(1),
    why: z.string(),
  }),
  z.object({ possible: z.literal(false), why: z.string() }),
])

/** Lets a model choose a middle that a reader could reconstruct (Phi-4, appendix D.2), by line numbers: the three parts are cut
 *  out of the passage and make it up exactly. A gap is at most half of the lines, ours, and leaves one on either side. */
export function chooseGap(of: Author & { readonly prompt: string }): Stage<typeof needs, typeof adds> {
  return ask({
    ...of,
    name: 'chooseGap',
    needs,
    adds,
    key: 'seed_id',
    reply: jsonReply(reply),
    check: (value, { text }) => {
      if (!value.possible) return null
      const [lines, { start_line: start, end_line: end }] = [linesOf(text).length, value]
      const fits = start >= 2 && end >= start && end < lines && end - start + 1 <= lines / 2
      return fits ? null : `a gap of lines ${start} to ${end} of ${lines}`
    },
    each: (value, { text }) => {
      if (!value.possible) return { drop: 'nothing to reconstruct' }
      const lines = linesOf(text)
      const from = lines[value.start_line - 1]?.start ?? 0
      const to = lines[value.end_line - 1]?.end ?? 0
      return [
        {
          gap_prefix: text.slice(0, from),
          gap_middle: text.slice(from, to),
          gap_suffix: text.slice(to),
          gap_reason: value.why,
        },
      ]
    },
  })
}
