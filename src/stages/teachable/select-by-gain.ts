import type { NoColumns } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Columns, type Row } from '../../record/columns.ts'
import { type Budget, checkBudget, type GainName, withinBudget } from './budget.ts'

const uncertainty = {
  pass_rate: col.double("share of the student's rollouts that are correct"),
  n_rollouts: col.int32('rollouts it was measured with'),
}

const score = { teachable_score: col.double('strong agreement - weak agreement') }

export interface SelectByGainOptions {
  /** Rows of a shard that stay, at most. */
  readonly rows: number
  /** Column of a row's domain, and the largest share of the budget that one domain may take. */
  readonly quota?: { readonly column: string; readonly share: number }
}

/** Keeps the rows of most expected gain: uncertainty of the outcome, or teachable_score. Its scope is a shard, whose rows
 *  it holds until all are there; `fulcrum refilter --budget` selects from a whole dataset. Rows keep their order. */
export function selectByGain(
  of: SelectByGainOptions & { readonly gain?: 'uncertainty' },
): Stage<typeof uncertainty, NoColumns>
export function selectByGain(
  of: SelectByGainOptions & { readonly gain: 'score' },
): Stage<typeof score, NoColumns>
export function selectByGain(
  of: SelectByGainOptions & { readonly gain?: GainName },
): Stage<Columns, NoColumns> {
  const { rows: most, gain = 'uncertainty', quota = null } = of
  const budget: Budget = { rows: most, gain, quota }
  checkBudget(budget)
  const needs: Columns = {
    ...(gain === 'score' ? score : uncertainty),
    ...(quota !== null && { [quota.column]: col.string('domain') }),
  }
  return {
    name: 'selectByGain',
    needs,
    adds: {},
    options: { ...budget },
    async *apply<R extends Row<Columns>>(rows: AsyncIterable<R>, run: Run): AsyncGenerator<R> {
      const all: R[] = []
      for await (const row of rows) all.push(row)
      const kept = withinBudget(all, budget)
      for (const [i, row] of all.entries()) {
        if (kept[i] === true) yield row
        else run.drop('selectByGain', row, `beyond the budget of ${most} rows`)
      }
    },
  }
}
