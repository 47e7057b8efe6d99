import { FulcrumError } from '../../errors.ts'
import type { Completion, Model } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import { seedFor } from '../../statistics/random.ts'
import type { Sampler } from '../generate-traces.ts'
import type { Asked } from './ask.ts'

/** Completions of one problem in launch order, drawn in batches. A batch's draws are keyed by the number of completions
 *  before it, so that a run that wants more goes on where a shorter one stopped. */
export interface Draws {
  next(n: number): Promise<readonly Completion[]>
}

export function drawsOf(
  model: Model,
  sampler: Sampler,
  { prompt }: Asked,
  { stage, id, run }: { readonly stage: string; readonly id: string; readonly run: Run },
): Draws {
  let drawn = 0
  return {
    next: async (n) => {
      const seed = drawn === 0 ? seedFor(run.seed, stage, id) : seedFor(run.seed, stage, id, drawn)
      const options = { n, ...samplerOptions(sampler), seed, signal: run.signal }
      const completions = await model.sample(prompt, options)
      if (completions.length !== n) throw wrongNumber(model, completions.length, n)
      drawn += n
      return completions
    },
  }
}

/** A sampler alone: the part of a request, and of a run's identity. */
export const samplerOptions = ({ temperature, topP, topK, minP, maxTokens }: Sampler): Sampler => ({
  ...{ temperature, topP, topK, maxTokens },
  ...(minP !== undefined && { minP }),
})

/** Tokens of completions. */
export const tokensOf = (completions: readonly Completion[]): number =>
  completions.reduce((sum, { completionTokens }) => sum + completionTokens, 0)

/** All that is wrong with a sampler and numbers of samples at once. */
export function checkSampler(
  stage: string,
  { temperature, topP, topK, minP = 0, maxTokens }: Sampler,
  counts: Readonly<Record<string, number>>,
): void {
  const whole = (value: number, least: number): boolean => Number.isInteger(value) && value >= least
  const wrong = [
    ...Object.entries(counts).flatMap(([name, value]) => (whole(value, 1) ? [] : [`${name} ${value}`])),
    ...(temperature >= 0 ? [] : [`temperature ${temperature}`]),
    ...(topP > 0 && topP <= 1 ? [] : [`topP ${topP}`]),
    ...(whole(topK, 0) ? [] : [`topK ${topK}`]),
    ...(minP >= 0 && minP <= 1 ? [] : [`minP ${minP}`]),
    ...(whole(maxTokens, 1) ? [] : [`maxTokens ${maxTokens}`]),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `${stage} cannot sample with ${wrong.join(', ')}`,
    `Wanted: ${[...Object.keys(counts), 'maxTokens'].join(', ')} from 1, temperature from 0, topP over 0 up to 1, topK from 0 (0 is off), minP from 0 to 1.`,
  )
}

const wrongNumber = ({ id }: Model, got: number, wanted: number): FulcrumError =>
  new FulcrumError(
    'model',
    `${id} gave ${got} of ${wanted} completions`,
    'Every completion counts, in the order they were launched: mend the endpoint, or use a local model folder.',
  )
