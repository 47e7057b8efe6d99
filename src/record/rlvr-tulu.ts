import { col, type Row } from './columns.ts'
import { conversationWants, messagesColumn, promptMessages } from './messages.ts'
import type { Shape } from './shape.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
}

const columns = {
  messages: messagesColumn('the prompt, ending in user'),
  ground_truth: col.string('reference answer'),
  dataset: col.string('verifier of open-instruct that judges it, as math, gsm8k, ifeval'),
  question_id: needs.id,
}

/** Prompts with verifiable answers as open-instruct reads them (Tülu 3, arXiv:2411.15124): `dataset` chooses its verifier. */
export function rlvrTulu({ dataset = 'math' }: { readonly dataset?: string } = {}): Shape<
  typeof needs,
  typeof columns
> {
  return {
    config: 'rlvr_tulu',
    needs,
    wants: conversationWants,
    columns,
    rows: (row: Row<typeof needs> & Partial<Row<typeof conversationWants>>) => [
      { messages: promptMessages(row), ground_truth: row.answer, dataset, question_id: row.id },
    ],
  }
}
