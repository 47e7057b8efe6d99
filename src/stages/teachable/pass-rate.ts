import type { Completion, Model } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import type { Estimate } from '../../statistics/estimate.ts'
import type { SequentialRate } from '../../statistics/sequential-rate.ts'
import type { Verifier } from '../../verify/verifier.ts'
import type { Sampler } from '../generate-traces.ts'
import { ask, type Asking } from '../traces/ask.ts'
import { drawsOf, tokensOf } from '../traces/draw.ts'

export interface PassRateOptions extends Sampler, Asking {
  readonly student: Model
  readonly verifier: Verifier
}

export interface ProblemRow {
  readonly id: string
  readonly problem: string
  readonly answer: string
}

/** The student's rollouts of one problem with their verdicts, in launch order. */
export interface PassRate extends Estimate {
  readonly verdicts: readonly boolean[]
  /** Exact ids, end token included; null where the engine hides them. */
  readonly ids: readonly (readonly number[])[] | null
}

/** Draws rollouts in steps until the measurement has stopped. Every step is judged whole and in launch order: wrong answers
 *  tend to be longer, and a rule fed by those that end first would read too high. One cut off at the token limit failed. */
export async function passRate(
  of: PassRateOptions,
  measure: SequentialRate,
  row: ProblemRow,
  run: Run,
): Promise<PassRate> {
  const { student, verifier } = of
  const draws = drawsOf(student, of, ask(student, of, row.problem), { stage: 'teachable', id: row.id, run })
  const verdicts: boolean[] = []
  const rollouts: Completion[] = []
  const successes = (): number => verdicts.filter((pass) => pass).length
  for (let more = measure.more({ successes: 0, trials: 0 }); more > 0;) {
    const step = await draws.next(more)
    rollouts.push(...step)
    verdicts.push(...(await Promise.all(step.map((completion) => passes(completion, verifier, row, run)))))
    run.count('student_tokens', tokensOf(step))
    more = measure.more({ successes: successes(), trials: verdicts.length })
  }
  run.count('student_rollouts', verdicts.length)
  const ids = rollouts.flatMap(({ tokenIds }) => (tokenIds === null ? [] : [tokenIds]))
  return {
    successes: successes(),
    trials: verdicts.length,
    verdicts,
    ids: ids.length === rollouts.length ? ids : null,
  }
}

async function passes(
  { finishReason, text }: Completion,
  verifier: Verifier,
  { answer, problem }: ProblemRow,
  run: Run,
): Promise<boolean> {
  if (finishReason === 'length') {
    run.count('gate_rollouts_cut_off')
    return false
  }
  const { verdict } = await verifier.verify(text, answer, problem)
  if (verdict === 'unparsed') run.count('gate_rollouts_unparsed')
  return verdict === 'equal'
}
