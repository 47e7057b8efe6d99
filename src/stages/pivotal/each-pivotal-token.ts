import { expand } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col, type Row } from '../../record/columns.ts'
import { pivotFields } from '../../record/pivotal-tokens.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  trace_id: col.string('trace id'),
  pivotal_tokens: col.list(col.struct(pivotFields, 'pivotal token'), 'what was found in the trace'),
}

export interface EachPivotalTokenOptions {
  /** Candidates that fresh rollouts did not confirm too (false): where confirmRollouts is 0 nothing else is there. */
  readonly unconfirmed?: boolean
}

/** One row a pivotal token of the traces that findPivotalTokens has searched. A trace without one is dropped with that reason;
 *  what was spent on it stands in `search_trace`. */
export function eachPivotalToken({ unconfirmed = false }: EachPivotalTokenOptions = {}): Stage<
  typeof needs,
  typeof pivotFields
> {
  return expand({
    name: 'eachPivotalToken',
    needs,
    adds: pivotFields,
    ...(unconfirmed && { options: { unconfirmed } }),
    each: (row, run) => {
      const tokens = row.pivotal_tokens.filter(({ confirmed }) => unconfirmed || confirmed)
      if (tokens.length === 0) run.drop('eachPivotalToken', withoutRollouts(row), 'no pivotal token')
      return tokens
    },
  })
}

/** A removed row is kept as text: its rollouts, long and written elsewhere, are left out. */
function withoutRollouts(row: Row<typeof needs>): object {
  const all = Object.entries(row)
  return Object.fromEntries(all.filter(([name]) => !long.has(name)))
}

const long = new Set(['rollouts', 'nodes', 'logprobs', 'pruned', 'trace_tokens', 'gate_rollout_ids'])
