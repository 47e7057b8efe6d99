import { z } from 'zod'
import { map } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Row } from '../../record/columns.ts'
import { share, wilson } from '../../statistics/estimate.ts'
import { normalise } from '../../text/words.ts'
import { askIdentity, checkedPrompt } from './ask.ts'
import { askModel, type Author } from './ask-model.ts'
import type { PromptFile } from './prompt-file.ts'
import { jsonReply, type Reply, taggedReply } from './reply.ts'

const needs = {
  seed_id: col.string('identity of the passage'),
  gap_prefix: col.string('the passage before the gap'),
  gap_middle: col.string('what was taken out'),
  gap_suffix: col.string('the passage behind it'),
}

const message = { role: col.string('system or user'), content: col.string('its text') }
const adds = {
  prompt_messages: col.list(col.struct(message, 'one turn'), 'the question as the model had it'),
  reconstruction: col.string('the best graded answer, with the reasoning before it'),
  reconstruction_grade: col.double('its grade, 1 to 10; 10 without asking where the words are the same'),
  n_reconstructions: col.int32('answers that could be read and graded'),
  n_reconstructed: col.int32('of these, those with a grade from the pass mark on'),
  reconstruct_rate: col.double('their share'),
  reconstruct_rate_low: col.double('lower end of its 95 % Wilson interval'),
  reconstruct_rate_high: col.double('upper end'),
}

export interface FillGapOptions extends Author {
  /** Grades; who fills is `model`. */
  readonly judge: Author
  readonly prompt: string
  readonly grading: string
  /** Answers a gap. */
  readonly samples: number
  /** Grade from which an answer is right, 1 to 10. */
  readonly passMark: number
  /** Share of right answers below which the middle is not reconstructible. */
  readonly low: number
  /** Share above which the gap is too easy; 1 keeps all. */
  readonly high: number
  readonly concurrency?: number
}

/** Samples answers to a gap and grades them against what was taken out (Phi-4, appendix D.2). Number of samples, grades and
 *  band are ours, not published. */
export function fillGap(of: FillGapOptions): Stage<typeof needs, typeof adds> {
  const { model, judge, samples, passMark, low, high } = of
  const columns = Object.keys(needs)
  const prompt = checkedPrompt('fillGap', of.prompt, columns)
  const grading = checkedPrompt('fillGap', of.grading, [...columns, 'reconstruction'])
  return map({
    ...{ name: 'fillGap', needs, adds, models: [model, judge.model] },
    options: {
      ...askIdentity([prompt, grading], of),
      judge: askIdentity([grading], judge),
      ...{ samples, passMark, low, high },
    },
    callsPerRow: 2 * samples,
    asks: { requestsPerRow: 2 * samples, maxTokens: of.maxTokens, longestPrefix: of.maxTokens },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const messages = prompt.render(row)
      const answers = (
        await Promise.all(
          Array.from({ length: samples }, (_, i) => answer(of, grading, row, messages, i, run)),
        )
      ).filter((found) => found !== null)
      const right = answers.filter(({ grade }) => grade >= passMark)
      const [first] = answers
      if (first === undefined) return { drop: 'no reconstruction could be read and graded' }
      const estimate = { successes: right.length, trials: answers.length }
      const rate = share(estimate)
      if (rate < low || right.length === 0) return { drop: `not reconstructible: right under ${low}` }
      if (rate > high) return { drop: `too easy to reconstruct: right over ${high}` }
      const best = answers.reduce((kept, other) => (other.grade > kept.grade ? other : kept), first)
      const interval = wilson(estimate)
      return {
        prompt_messages: messages,
        reconstruction: best.text,
        reconstruction_grade: best.grade,
        n_reconstructions: answers.length,
        n_reconstructed: right.length,
        reconstruct_rate: rate,
        reconstruct_rate_low: interval.low,
        reconstruct_rate_high: interval.high,
      }
    },
  })
}

interface Filled {
  /** The whole answer. */
  readonly text: string
  readonly middle: string
}

const tagged = taggedReply(['middle'])

/** The middle, and the answer that it stood in. */
const filled: Reply<Filled> = {
  id: tagged.id,
  read: (text) => {
    const reading = tagged.read(text)
    return 'unread' in reading ? reading : { value: { text, middle: reading.value.middle } }
  },
}

const graded = jsonReply(z.object({ grade: z.number().min(1).max(10) }))

async function answer(
  of: FillGapOptions,
  grading: PromptFile,
  row: Row<typeof needs>,
  messages: ReturnType<PromptFile['render']>,
  i: number,
  run: Run,
): Promise<{ readonly text: string; readonly grade: number } | null> {
  const key = ['fillGap', row.seed_id, i]
  const found = await askModel(of, { messages, reply: filled, key }, run)
  if ('unread' in found) return null
  const { text, middle } = found.value
  if (normalise(middle) === normalise(row.gap_middle)) return { text, grade: 10 }
  const question = grading.render({ ...row, reconstruction: middle })
  const grade = await askModel(of.judge, { messages: question, reply: graded, key: [...key, 'grade'] }, run)
  return 'unread' in grade ? null : { text, grade: grade.value.grade }
}
