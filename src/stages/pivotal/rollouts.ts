import { FulcrumError } from '../../errors.ts'
import type { Completion, Model } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import type { Estimate } from '../../statistics/estimate.ts'
import { seedFor } from '../../statistics/random.ts'
import type { Verifier } from '../../verify/verifier.ts'
import type { Sampler } from '../generate-traces.ts'

/** Verdicts of rollouts launched from one node, in launch order. */
export interface NodeSample {
  readonly estimate: Estimate
  /** First token of each rollout and whether it ended correct. */
  readonly firsts: readonly { readonly id: number; readonly correct: boolean }[]
}

/** The one process every estimate of a question draws from (rules S1 and S2 of pivotal token search): one sampler, exact
 *  token ids, a cap on the whole answer, truncated rollouts counted as failures, verdicts in launch order. */
export interface RolloutProcess {
  /** n fresh rollouts after `prefix`; `purpose` keys their draws, so that no two samples share any. */
  sample(prefix: readonly number[], n: number, purpose: string): Promise<NodeSample>
  /** Aborts when the run does. */
  readonly signal: AbortSignal
}

export interface RolloutProcessOptions extends Sampler {
  readonly student: Model
  readonly verifier: Verifier
  readonly promptIds: readonly number[]
  readonly problem: string
  readonly answer: string
  /** Keys the draws: run seed and trace. */
  readonly key: readonly (string | number)[]
  readonly run: Run
}

/** The part of a sampler that decides the distribution of the next token. */
export const samplingRule = ({ temperature, topP, topK }: Sampler): Omit<Sampler, 'maxTokens'> => ({
  temperature,
  topP,
  topK,
})

export function rolloutProcess(of: RolloutProcessOptions): RolloutProcess {
  const { student, verifier, promptIds, problem, answer, key, run, temperature, topP, topK, maxTokens } = of
  const { tokenizer } = student
  if (tokenizer === null) throw new TypeError('checked by findPivotalTokens')
  const { eos } = tokenizer
  const correct = async (ids: readonly number[]): Promise<boolean> =>
    ids.at(-1) === eos.id &&
    (await verifier.verify(tokenizer.decode(ids.slice(0, -1)), answer, problem)).verdict === 'equal'

  return {
    signal: run.signal,
    sample: async (prefix, n, purpose) => {
      // A finished answer has a known verdict, and one that fills the cap has failed: no rollouts.
      if (prefix.at(-1) === eos.id || prefix.length >= maxTokens) {
        return { estimate: { successes: (await correct(prefix)) ? n : 0, trials: n }, firsts: [] }
      }
      const seed = seedFor(...key, prefix.length, prefix.at(-1) ?? -1, purpose)
      const options = {
        n,
        temperature,
        topP,
        topK,
        maxTokens: maxTokens - prefix.length,
        seed,
        signal: run.signal,
      }
      const completions = await student.sample({ kind: 'tokens', ids: [...promptIds, ...prefix] }, options)
      run.count('student_rollouts', n)
      run.count(
        'student_tokens',
        completions.reduce((total, { completionTokens }) => total + completionTokens, 0),
      )
      const firsts = await Promise.all(
        idsOf(student, completions, n).map(async (ids) => ({
          id: ids[0] as number,
          correct: await correct([...prefix, ...ids]),
        })),
      )
      return { estimate: { successes: firsts.filter((first) => first.correct).length, trials: n }, firsts }
    },
  }
}

/** The ids of all n rollouts; a rollout that is missing or has none would silently move the estimate. */
function idsOf({ id }: Model, completions: readonly Completion[], n: number): readonly (readonly number[])[] {
  const ids = completions.flatMap(({ tokenIds }) =>
    tokenIds === null || tokenIds.length === 0 ? [] : [tokenIds],
  )
  if (ids.length === n) return ids
  throw new FulcrumError(
    'model',
    `${id} gave token ids for ${ids.length} of ${n} rollouts`,
    'Every rollout counts, with its exact ids: mend the endpoint, or use a local model folder.',
  )
}
