import { col, type Row } from './columns.ts'
import { completionText, promptTextColumns, promptTexts } from './prompt-text.ts'
import type { Shape } from './shape.ts'

const needs = {
  id: col.string('problem id'),
  trace_id: col.string('trace id'),
  prompt: col.string('what the model was given'),
  added_bos: col.nullable(col.string('beginning-of-sequence token that tokenizers add by themselves')),
  completion: col.string('answer, without end token'),
  end_token: col.nullable(col.string('text of the end token')),
  verdict: col.string('equal, different or unparsed'),
}

const own = {
  problem: col.nullable(col.string('problem text')),
  answer: col.nullable(col.string('reference answer')),
  teacher_model: col.nullable(col.string('model that wrote the answer, where known')),
  verifier_id: col.nullable(col.string('rule that judged it, where known')),
  finish_reason: col.nullable(col.string('stop, or length for an answer cut off at the token limit')),
}

const columns = {
  ...promptTextColumns,
  completion: col.string('answer, ending in the literal end token unless it was cut off'),
  label: col.bool('the answer is right'),
  ...own,
  question_id: needs.id,
  trace_id: needs.trace_id,
}

/** Single answers with a thumb up or down (Ethayarajh et al. 2024, arXiv:2402.01306). An answer that nobody could judge
 *  is no example. */
export const kto: Shape<typeof needs, typeof columns> = {
  config: 'kto',
  needs,
  wants: own,
  columns,
  rows: (row: Row<typeof needs> & Partial<Row<typeof own>>) =>
    row.verdict === 'unparsed'
      ? []
      : [
          {
            ...promptTexts(row.prompt, row.added_bos),
            completion: completionText('kto', row),
            label: row.verdict === 'equal',
            problem: row.problem ?? null,
            answer: row.answer ?? null,
            teacher_model: row.teacher_model ?? null,
            verifier_id: row.verifier_id ?? null,
            finish_reason: row.finish_reason ?? null,
            question_id: row.id,
            trace_id: row.trace_id,
          },
        ],
}
