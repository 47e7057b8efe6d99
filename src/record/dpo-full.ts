import { FulcrumError } from '../errors.ts'
import { col, type Row } from './columns.ts'
import { answered, conversationWants, messagesColumn, wholeThought } from './messages.ts'
import { type MessagesOptions, roundTripOf } from './round-trip.ts'
import type { Shape } from './shape.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  chosen_completion: col.string('the better answer, without end token'),
  rejected_completion: col.string('the worse answer, likewise'),
}

const own = {
  answer: col.nullable(col.string('reference answer, where there is one')),
  chosen_model: col.nullable(col.string('model that wrote the better answer, where known')),
  rejected_model: col.nullable(col.string('model that wrote the worse answer, where known')),
  chosen_score: col.nullable(col.double("a judge's score of the better answer, where one judged")),
  rejected_score: col.nullable(col.double("a judge's score of the worse answer, where one judged")),
  pass_rate: col.nullable(col.double("the student's pass rate on the problem, where it was measured")),
  verifier_id: col.nullable(col.string('rule or judge that tells the two apart, where known')),
  source: col.nullable(col.string('where the problem is from, where the records say')),
}
const wants = { ...conversationWants, ...own }

const columns = {
  chosen: messagesColumn('whole conversation with the better answer'),
  rejected: messagesColumn('the same with the worse answer'),
  problem: needs.problem,
  ...own,
  question_id: needs.id,
}

/** Preference pairs as whole conversations, which have the prompt in them. A pair that the target's chat template would
 *  change, or whose sides are equal, is refused. */
export function dpoFull(options: MessagesOptions): Shape<typeof needs, typeof columns> {
  const checked = roundTripOf('dpo_full', options)
  return {
    config: 'dpo_full',
    needs,
    wants,
    columns,
    rows: (row: Row<typeof needs> & Partial<Row<typeof wants>>) => {
      if (row.chosen_completion === row.rejected_completion) {
        throw new FulcrumError(
          'data',
          `Row ${row.id} prefers an answer to the same answer (dpo_full)`,
          'Drop pairs whose sides are equal before they are written.',
        )
      }
      return [
        {
          chosen: checked(row.id, answered(row, wholeThought(row.chosen_completion))),
          rejected: checked(row.id, answered(row, wholeThought(row.rejected_completion))),
          problem: row.problem,
          answer: row.answer ?? null,
          chosen_model: row.chosen_model ?? null,
          rejected_model: row.rejected_model ?? null,
          chosen_score: row.chosen_score ?? null,
          rejected_score: row.rejected_score ?? null,
          pass_rate: row.pass_rate ?? null,
          verifier_id: row.verifier_id ?? null,
          source: row.source ?? null,
          question_id: row.id,
        },
      ]
    },
  }
}
