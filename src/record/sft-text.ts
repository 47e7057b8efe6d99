import { col } from './columns.ts'
import type { Shape } from './shape.ts'

const ids = (meaning: string) => col.nullable(col.list(col.int32('token id'), meaning))

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
  trace_id: col.string('trace id'),
  prompt: col.string('what the teacher was given'),
  prompt_ids: ids('exact ids of the prompt'),
  completion: col.string('worked answer'),
  completion_ids: ids('exact ids, end token included'),
  teacher_model: col.string('model that wrote it'),
  verifier_id: col.string('rule that judged it correct'),
  decon_status: col.string('clean or partial'),
}

const { id: _id, ...kept } = needs
const columns = { question_id: col.string('problem id'), ...kept }

/** Verified traces for supervised fine-tuning, text and exact ids. Where the teacher's engine hides its ids they are null. */
export const sftText: Shape<typeof needs, typeof columns> = {
  config: 'sft_text',
  needs,
  columns,
  rows: ({ id, ...row }) => [{ question_id: id, ...row }],
}
