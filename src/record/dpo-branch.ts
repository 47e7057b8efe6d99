import { FulcrumError } from '../errors.ts'
import { col, type Row } from './columns.ts'
import { conversationWants, messageColumn, messagesColumn, promptMessages } from './messages.ts'
import { type MessagesOptions, roundTripOf } from './round-trip.ts'
import type { Shape } from './shape.ts'

const branch = (meaning: string) => col.nullable(col.string(meaning))
const probability = (meaning: string) => col.nullable(col.double(meaning))

const evidence = {
  prob_chosen: probability('success probability after the chosen token, fresh rollouts'),
  prob_chosen_low: probability('lower end of its 95 % Wilson interval'),
  prob_chosen_high: probability('upper end'),
  n_chosen: col.nullable(col.int32('its rollouts')),
  prob_rejected: probability('success probability after the rejected token, fresh rollouts'),
  prob_rejected_low: probability('lower end of its 95 % Wilson interval'),
  prob_rejected_high: probability('upper end'),
  n_rejected: col.nullable(col.int32('its rollouts')),
}

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  trace_id: col.string('trace id'),
  trace_tokens: col.list(col.string('token text'), 'the searched trace as text, token by token'),
  position: col.int32('tokens of the trace before the pivotal one'),
  chosen_branch: branch('a whole answer from the chosen token on, ending in the end token'),
  rejected_branch: branch('a whole answer from the rejected token on, likewise'),
  model_id: col.string('policy whose pivotal token this is'),
  ...evidence,
}

const columns = {
  prompt: messagesColumn('the conversation up to the answer, ending in user'),
  chosen: messagesColumn('the answer with the better token: one turn'),
  rejected: messagesColumn('the answer with the worse token: one turn, the same up to it'),
  chosen_message: messageColumn('the turn of chosen, as LLaMA-Factory reads it'),
  rejected_message: messageColumn('the turn of rejected'),
  problem: needs.problem,
  question_id: needs.id,
  trace_id: needs.trace_id,
  position: needs.position,
  model_id: needs.model_id,
  ...evidence,
}

/** The pairs of dpo_branch_text as messages: both answers whole, equal up to the pivotal token. */
export function dpoBranch(options: MessagesOptions): Shape<typeof needs, typeof columns> {
  const checked = roundTripOf('dpo_branch', options)
  const end = options.template?.eos?.text ?? ''
  return {
    config: 'dpo_branch',
    needs,
    wants: conversationWants,
    columns,
    rows: (row: Row<typeof needs> & Partial<Row<typeof conversationWants>>) => {
      const { chosen_branch: chosen, rejected_branch: rejected, trace_id: traceId } = row
      if (chosen === null || rejected === null) return []
      const prompt = promptMessages(row)
      const before = row.trace_tokens.slice(0, row.position).join('')
      const [better, worse] = [chosen, rejected].map((text) => {
        const turn = { role: 'assistant', content: before + withoutEnd(text, end, traceId) }
        checked(traceId, [...prompt, turn])
        return turn
      }) as [{ role: string; content: string }, { role: string; content: string }]
      return [
        {
          ...row,
          prompt,
          chosen: [better],
          rejected: [worse],
          chosen_message: better,
          rejected_message: worse,
          question_id: row.id,
        },
      ]
    },
  }
}

/** Chat templates write the end token themselves. */
function withoutEnd(text: string, end: string, traceId: string): string {
  if (end !== '' && text.endsWith(end) && text.length > end.length) return text.slice(0, -end.length)
  throw new FulcrumError(
    'data',
    `A branch of trace ${traceId} does not end in the end token ${JSON.stringify(end)} (dpo_branch)`,
    'Give the tokenizer of the model that drew the branches as `template`, or write dpo_branch_text.',
  )
}
