import { col, type Row } from './columns.ts'
import { answered, conversationWants, messagesColumn, wholeThought } from './messages.ts'
import { type MessagesOptions, roundTripOf } from './round-trip.ts'
import type { Shape } from './shape.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
  trace_id: col.string('trace id'),
  completion: col.string('worked answer, without end token'),
  teacher_model: col.string('model that wrote it'),
}

const own = {
  pass_rate: col.nullable(col.double("the student's pass rate on the problem, where it was measured")),
  source: col.nullable(col.string('where the problem is from, where the records say')),
  finish_reason: col.nullable(col.string('stop, or length for an answer cut off at the token limit')),
}
const wants = {
  ...conversationWants,
  ...own,
  messages: col.nullable(
    messagesColumn('a whole conversation, ending in assistant, in place of problem and completion'),
  ),
}

const columns = {
  messages: messagesColumn('system if there is one, then user and assistant in turn, ending in assistant'),
  problem: needs.problem,
  answer: needs.answer,
  question_id: needs.id,
  trace_id: needs.trace_id,
  pass_rate: own.pass_rate,
  source: own.source,
  teacher_model: needs.teacher_model,
  finish_reason: own.finish_reason,
}

/** Traces as conversations. A row that the target's chat template would change is refused: models that think lose it. */
export function sft(options: MessagesOptions): Shape<typeof needs, typeof columns> {
  const checked = roundTripOf('sft', options)
  return {
    config: 'sft',
    needs,
    wants,
    columns,
    rows: (row: Row<typeof needs> & Partial<Row<typeof wants>>) => [
      {
        messages: checked(row.trace_id, row.messages ?? answered(row, wholeThought(row.completion))),
        problem: row.problem,
        answer: row.answer,
        question_id: row.id,
        trace_id: row.trace_id,
        pass_rate: row.pass_rate ?? null,
        source: row.source ?? null,
        teacher_model: row.teacher_model,
        finish_reason: row.finish_reason ?? null,
      },
    ],
  }
}
