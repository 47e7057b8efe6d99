import type { Model } from '../model/model.ts'
import { map } from '../pipeline/constructors.ts'
import type { Run, Stage } from '../pipeline/stage.ts'
import { col } from '../record/columns.ts'
import { type Estimate, share, wilson } from '../statistics/estimate.ts'
import { seedFor } from '../statistics/random.ts'
import type { Verifier } from '../verify/verifier.ts'
import { promptFor, type Sampler } from './generate-traces.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
}

const adds = {
  pass_rate: col.double("share of the student's rollouts that are correct"),
  n_rollouts: col.int32('rollouts it was measured with'),
  pass_rate_low: col.double('lower end of its 95 % Wilson interval'),
  pass_rate_high: col.double('upper end'),
}

export interface TeachableOptions extends Sampler {
  readonly student: Model
  readonly verifier: Verifier
  readonly rollouts: number
  readonly low: number
  readonly high: number
  readonly concurrency?: number
}

/** Keeps problems the student solves sometimes: low <= pass rate <= high (Phi-4 report, section 4.3, searches .2 to
 *  .8). A rollout that hits the token limit is a failure. The interval is stored, so that the band can be cut again. */
export function teachable(of: TeachableOptions): Stage<typeof needs, typeof adds> {
  const { student, verifier, rollouts, low, high, temperature, topP, topK, maxTokens } = of
  const measure = oncePerProblem(of)
  return map({
    name: 'teachable',
    needs,
    adds,
    models: [student],
    options: { verifier: verifier.id, rollouts, low, high, temperature, topP, topK, maxTokens },
    callsPerRow: rollouts,
    asks: { requestsPerRow: 1, maxTokens, longestPrefix: 0 },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const estimate = await measure(row, run)
      const rate = share(estimate)
      const { low: rateLow, high: rateHigh } = wilson(estimate)
      if (rate < low) return { drop: `too hard: pass rate under ${low}` }
      if (rate > high) return { drop: `too easy: pass rate over ${high}` }
      return {
        pass_rate: rate,
        n_rollouts: estimate.trials,
        pass_rate_low: rateLow,
        pass_rate_high: rateHigh,
      }
    },
  })
}

type ProblemRow = { readonly id: string; readonly problem: string; readonly answer: string }

/** Several traces of one problem come one after the other and see one estimate, bought once. */
function oncePerProblem(of: TeachableOptions): (row: ProblemRow, run: Run) => Promise<Estimate> {
  const recent = new Map<string, Promise<Estimate>>()
  return (row, run) => {
    const key = JSON.stringify([run.seed, row.id])
    const known = recent.get(key) ?? passRate(of, row, run)
    recent.set(key, known)
    const [oldest] = recent.keys()
    if (recent.size > 1000 && oldest !== undefined) recent.delete(oldest)
    return known
  }
}

async function passRate(
  { student, verifier, rollouts, temperature, topP, topK, maxTokens }: TeachableOptions,
  row: ProblemRow,
  run: Run,
): Promise<Estimate> {
  const { prompt } = promptFor(student, [{ role: 'user', content: row.problem }])
  const seed = seedFor(run.seed, 'teachable', row.id)
  const options = { n: rollouts, temperature, topP, topK, maxTokens, seed, signal: run.signal }
  const completions = await student.sample(prompt, options)
  run.count('student_rollouts', completions.length)
  run.count(
    'student_tokens',
    completions.reduce((sum, { completionTokens }) => sum + completionTokens, 0),
  )
  const passes = await Promise.all(
    completions.map(
      async ({ finishReason, text }) =>
        finishReason === 'stop' && (await verifier.verify(text, row.answer, row.problem)).verdict === 'equal',
    ),
  )
  return { successes: passes.filter((pass) => pass).length, trials: completions.length }
}
