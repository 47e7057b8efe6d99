import { FulcrumError } from '../../errors.ts'
import type { Model, SampleOptions } from '../../model/model.ts'

/** Nats. Batches and precisions move log-probabilities by less; another temperature or other weights by more. */
const tolerance = 0.05

/** Samples one rollout and scores its own ids: if the two log-probabilities differ, the engine scores another process
 *  than it samples (servers often report them before temperature), and nothing may be pruned by them. */
export async function requireOneProcess(
  student: Model,
  promptIds: readonly number[],
  options: Omit<SampleOptions, 'n'>,
): Promise<void> {
  const [rollout] = await student.sample({ kind: 'tokens', ids: promptIds }, { ...options, n: 1 })
  if (!rollout?.tokenIds || !rollout.logprobs) return
  const scored = await student.score([...promptIds, ...rollout.tokenIds], {
    ...options,
    from: promptIds.length,
  })
  const off = rollout.logprobs.map((logprob, i) => {
    const above = (scored[i]?.logprob ?? NaN) - logprob
    return scored[i]?.isLowerBound === true ? Math.max(0, above) : Math.abs(above)
  })
  const worst = Math.max(...off)
  if (worst <= tolerance) return
  throw new FulcrumError(
    'model',
    `${student.id} scores a token ${worst.toFixed(3)} nats away from the log-probability it was sampled with`,
    'Log-probabilities and rollouts must come from one process: set the engine to return them after temperature, or use a local model folder.',
  )
}
