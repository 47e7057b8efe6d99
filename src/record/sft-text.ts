import { col, type Row } from './columns.ts'
import { completionText, promptTextColumns, promptTexts } from './prompt-text.ts'
import type { Shape } from './shape.ts'

const ids = (meaning: string) => col.nullable(col.list(col.int32('token id'), meaning))

const completion = col.string('worked answer')
const shared = {
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
  trace_id: col.string('trace id'),
  prompt_ids: ids('exact ids of the prompt'),
  completion_ids: ids('exact ids, end token included'),
  teacher_model: col.string('model that wrote it'),
  verifier_id: col.string('rule that judged it correct'),
  decon_status: col.string('clean or partial'),
}

const tokenizerSha256 = col.nullable(col.string('tokenizer.json that the ids are of; null without ids'))
const templateSha256 = col.nullable(
  col.string('chat template that the prompt was rendered with, where known'),
)

const needs = {
  ...shared,
  id: col.string('problem id'),
  prompt: col.string('what the teacher was given'),
  added_bos: col.nullable(col.string('beginning-of-sequence token that tokenizers add by themselves')),
  completion,
  teacher_tokenizer_sha256: tokenizerSha256,
  teacher_template_sha256: templateSha256,
  end_token: col.nullable(col.string('text of the end token')),
}

const wants = {
  pass_rate: col.nullable(col.double("the student's pass rate on the problem, where it was measured")),
  source: col.nullable(col.string('where the problem is from, where the records say')),
  finish_reason: col.nullable(col.string('stop, or length for a trace cut off at the token limit')),
}

const columns = {
  ...promptTextColumns,
  ...shared,
  question_id: col.string('problem id'),
  tokenizer_sha256: tokenizerSha256,
  chat_template_sha256: templateSha256,
  completion: col.string(
    'worked answer, ending in the literal end token where the teacher has one and was not cut off',
  ),
  ...wants,
}

/** Verified traces for supervised fine-tuning, text and exact ids. Where the teacher's engine hides its ids and its end
 *  token they are null and left out: whoever trains adds the end token then. */
export const sftText: Shape<typeof needs, typeof columns> = {
  config: 'sft_text',
  needs,
  wants,
  columns,
  rows: ({
    id,
    end_token: end,
    added_bos: bos,
    prompt,
    ...row
  }: Row<typeof needs> & Partial<Row<typeof wants>>) => [
    {
      question_id: id,
      tokenizer_sha256: row.teacher_tokenizer_sha256,
      chat_template_sha256: row.teacher_template_sha256,
      ...row,
      ...promptTexts(prompt, bos),
      completion: completionText('sft_text', { ...row, end_token: end }),
      pass_rate: row.pass_rate ?? null,
      source: row.source ?? null,
      finish_reason: row.finish_reason ?? null,
    },
  ],
}
