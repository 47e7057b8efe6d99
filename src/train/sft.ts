import { FulcrumError } from '../errors.ts'
import { logProbsAt } from '../nn/network.ts'
import { batchStream, padded, type Portioned } from './batches.ts'
import { train, type TrainingInput, type TrainingResult } from './loop.ts'
import type { Objective } from './objective.ts'

/** Exact ids: the loss falls on completion ids only, nothing is added to either side. */
export interface SftExample {
  readonly promptIds: readonly number[]
  readonly completionIds: readonly number[]
}

export interface SftInput extends TrainingInput {
  readonly data: readonly Portioned<SftExample>[]
}

/** Supervised fine-tuning: mean cross-entropy over the completion tokens of a batch, AdamW, all weights or LoRA. Examples
 *  are padded inside batches of like lengths, not packed (docs/decisions/0008). Killed and run again it ends with the
 *  same weights. */
export async function trainSft(input: SftInput): Promise<TrainingResult> {
  const { data, options } = input
  refuseEmpty('examples', data)
  const lengthsOf = ({ promptIds, completionIds }: SftExample): number[] => [
    promptIds.length + completionIds.length - 1,
  ]
  const { steps, at } = batchStream(data, options, (example) => Math.max(...lengthsOf(example)))
  return train(input, {
    name: 'sft',
    data: data.map(({ items: { id, count, counted }, epochs }) => ({ id, epochs, examples: count, counted })),
    objective: sftObjective,
    settings: {},
    lengthsOf,
    weightOf: ({ completionIds }) => completionIds.length,
    open: () => Promise.resolve({ steps, at: async (step) => ({ items: await at(step) }) }),
  })
}

/** A data set without items cannot be trained on, and one of a mixture would be missed in silence. */
export function refuseEmpty(what: string, data: readonly Portioned<unknown>[]): void {
  const empty = data.find(({ items }) => items.count === 0)
  if (empty === undefined && data.length > 0) return
  const { name, counted } = empty?.items ?? { name: 'The data', counted: {} }
  const why = Object.entries(counted).map(([reason, rows]) => `${rows} rows ${reason}`)
  throw new FulcrumError(
    'train',
    `${name} has no ${what}${why.length === 0 ? '' : ` (${why.join(', ')})`}`,
    'Look at the dropped rows of the run that made it; a smaller --gap or more problems find more.',
  )
}

/** Sum over completion tokens of -log p(token | all before it), nats. */
export const sftObjective: Objective<SftExample, object> = (network, examples) => {
  const { backend, config, parameters, recompute } = network
  const { tf } = backend
  // The last token is only a target: inputs end one earlier.
  const inputs = examples.map(({ promptIds, completionIds }) => [...promptIds, ...completionIds.slice(0, -1)])
  const { ids, length } = padded(inputs)
  const rows = examples.flatMap(({ promptIds, completionIds }, b) =>
    completionIds.map((_, i) => b * length + promptIds.length - 1 + i),
  )
  const logProbs = logProbsAt(
    backend,
    config,
    parameters,
    tf.tensor2d(ids, [examples.length, length], 'int32'),
    tf.tensor1d(rows, 'int32'),
    tf.tensor1d(
      examples.flatMap(({ completionIds }) => completionIds),
      'int32',
    ),
    { recompute },
  )
  return { loss: logProbs.sum().neg().asScalar(), shown: {} }
}
