import type { Model } from '../model/model.ts'
import { expand } from '../pipeline/constructors.ts'
import type { Run, Stage } from '../pipeline/stage.ts'
import { col, type Row } from '../record/columns.ts'
import { passRateColumns } from '../record/pass-rates.ts'
import { share, wilson } from '../statistics/estimate.ts'
import { jeffreys } from '../statistics/jeffreys.ts'
import { type SequentialRate, sequentialRate } from '../statistics/sequential-rate.ts'
import type { Verifier } from '../verify/verifier.ts'
import type { Sampler } from './generate-traces.ts'
import { passRate, type PassRate, type ProblemRow } from './teachable/pass-rate.ts'
import { type Asking, askingOptions, checkAsking, longestPrefix } from './traces/ask.ts'
import { checkSampler, samplerOptions } from './traces/draw.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
}

export interface TeachableOptions extends Sampler, Asking {
  readonly student: Model
  readonly verifier: Verifier
  /** Most rollouts of a problem. */
  readonly rollouts: number
  /** Rollouts before the first look, 8 by default; as many as `rollouts` for a fixed number. */
  readonly first?: number
  /** Rollouts end when `rollouts` of them would move the problem out of its side of the band with no more than this
   *  probability; 0.05 by default (test/bench/teachable.bench.ts). */
  readonly doubt?: number
  readonly low: number
  readonly high: number
  /** Keep the rollouts' token ids with the rows, for the search of pivotal tokens; true by default. */
  readonly keepRollouts?: boolean
  readonly concurrency?: number
}

/** Keeps problems the student solves sometimes: low <= pass rate <= high (Phi-4 report, section 4.3, searches .2 to
 *  .8). Rollouts are drawn in steps, few where a problem is clearly hopeless or trivial, up to the cap near the edges.
 *  Estimates and intervals are stored with kept and dropped rows alike, so that the band can be cut again. */
export function teachable(of: TeachableOptions): Stage<typeof needs, typeof passRateColumns> {
  const { student, verifier, rollouts, low, high, maxTokens } = of
  const { doubt = 0.05, first = Math.min(8, rollouts), keepRollouts = true } = of
  checkSampler('teachable', of, { rollouts, first })
  checkAsking('teachable', student, of)
  const measure = sequentialRate({ low, high, most: rollouts, first, doubt })
  const measured = oncePerProblem(of, measure)
  return expand({
    name: 'teachable',
    needs,
    adds: passRateColumns,
    models: [student],
    options: {
      ...{ verifier: verifier.id, rollouts, first, doubt, low, high, keepRollouts },
      ...samplerOptions(of),
      ...askingOptions(of),
    },
    callsPerRow: rollouts,
    asks: { requestsPerRow: measure.looks.length, maxTokens, longestPrefix: longestPrefix(of) },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const rate = await measured(row, run)
      const columns = columnsOf(rate, measure, { rollouts, keepRollouts })
      const reason = whyNot(rate, measure, { low, high })
      if (reason === null) return [columns]
      run.drop('teachable', { ...row, ...columns }, reason)
      return []
    },
  })
}

/** Why a problem is outside the band, or null. */
function whyNot(
  rate: PassRate,
  measure: SequentialRate,
  { low, high }: { readonly low: number; readonly high: number },
): string | null {
  const side = measure.side(rate)
  if (side === 'inside') return null
  return side === 'under' ? `too hard: pass rate under ${low}` : `too easy: pass rate over ${high}`
}

const stops = { under: 'hopeless', over: 'trivial', inside: 'teachable' }

function columnsOf(
  rate: PassRate,
  measure: SequentialRate,
  { rollouts, keepRollouts }: { readonly rollouts: number; readonly keepRollouts: boolean },
): Row<typeof passRateColumns> {
  const [interval, fixed, posterior] = [measure.interval(rate), wilson(rate), jeffreys(rate)]
  return {
    pass_rate: share(rate),
    n_rollouts: rate.trials,
    n_correct: rate.successes,
    pass_rate_low: interval.low,
    pass_rate_high: interval.high,
    pass_rate_wilson_low: fixed.low,
    pass_rate_wilson_high: fixed.high,
    pass_rate_beta_low: posterior.low,
    pass_rate_beta_high: posterior.high,
    pass_rate_stop: rate.trials < rollouts ? stops[measure.side(rate)] : 'cap',
    gate_rollout_ids: keepRollouts ? rate.ids : null,
    gate_verdicts: rate.verdicts,
  }
}

/** Problems whose estimates are at hand, rollouts and all: more than a window of rows takes in. */
const remembered = 100

/** Several traces of one problem come one after the other and see one estimate, bought once. */
function oncePerProblem(
  of: TeachableOptions,
  measure: SequentialRate,
): (row: ProblemRow, run: Run) => Promise<PassRate> {
  const recent = new Map<string, Promise<PassRate>>()
  return (row, run) => {
    const key = JSON.stringify([run.seed, row.id])
    const known = recent.get(key) ?? measureOne(of, measure, row, run)
    recent.set(key, known)
    const [oldest] = recent.keys()
    if (recent.size > remembered && oldest !== undefined) recent.delete(oldest)
    return known
  }
}

async function measureOne(
  of: TeachableOptions,
  measure: SequentialRate,
  row: ProblemRow,
  run: Run,
): Promise<PassRate> {
  const rate = await passRate(of, measure, row, run)
  run.count('gate_problems')
  run.count('gate_rollouts', rate.trials)
  run.count('gate_rollouts_saved', of.rollouts - rate.trials)
  return rate
}
