import { col } from './columns.ts'
import type { Shape } from './shape.ts'

/** Columns of a measured pass rate. */
export const passRateColumns = {
  pass_rate: col.double("share of the student's rollouts that are correct"),
  n_rollouts: col.int32('rollouts it was measured with'),
  n_correct: col.int32('correct ones among them'),
  pass_rate_low: col.double(
    'lower end of its 95 % interval, which holds although outcomes decided how many rollouts there are',
  ),
  pass_rate_high: col.double('upper end'),
  pass_rate_wilson_low: col.double('lower end of the 95 % Wilson interval, as if n_rollouts had been fixed'),
  pass_rate_wilson_high: col.double('upper end'),
  pass_rate_beta_low: col.double("lower end of the 95 % interval of the posterior from Jeffreys' prior"),
  pass_rate_beta_high: col.double('upper end'),
  pass_rate_stop: col.string(
    'why rollouts ended: hopeless, trivial or teachable where more would hardly change that, or cap',
  ),
  gate_rollout_ids: col.nullable(
    col.list(
      col.list(col.int32('token id'), 'exact ids, end token included'),
      "the student's rollouts, in launch order; null where its engine hides the ids, or they are not kept",
    ),
  ),
  gate_verdicts: col.list(col.bool('correct'), 'verdicts of the rollouts, in launch order'),
}

const shared = { problem: col.string('problem text'), answer: col.string('reference answer') }

const needs = { id: col.string('problem id'), ...shared, ...passRateColumns }

const columns = { question_id: col.string('problem id'), ...shared, ...passRateColumns }

/** Problems with the student's measured pass rate and the rollouts it was measured with, right behind `teachable`:
 *  `fulcrum refilter` cuts the band again from it. */
export const passRates: Shape<typeof needs, typeof columns> = {
  config: 'pass_rates',
  needs,
  columns,
  rows: ({ id, ...row }) => [{ question_id: id, ...row }],
}
