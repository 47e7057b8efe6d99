import type { Scalar, Tensor } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import type { Backend } from '../nn/backend.ts'
import type { Checkpoint } from '../nn/checkpoint.ts'
import { logProbsAt, type Parameters } from '../nn/network.ts'
import { padded } from './batches.ts'
import { type BatchLoss, train, type TrainingInput } from './loop.ts'

/** Exact ids: the loss falls on completion ids only, nothing is added to either side. */
export interface SftExample {
  readonly promptIds: readonly number[]
  readonly completionIds: readonly number[]
}

export interface SftInput extends TrainingInput {
  readonly examples: readonly SftExample[]
}

/** Supervised fine-tuning: mean cross-entropy over completion tokens, AdamW, full weights. Leaves out packing
 *  (examples are padded inside length buckets) and LoRA. Killed and run again it ends with the same weights. */
export async function trainSft(input: SftInput): Promise<{ steps: number; loss: number }> {
  const { examples, options, model } = input
  if (examples.length === 0) {
    throw new FulcrumError(
      'train',
      `${input.dataId} has no examples`,
      'Look at the dropped rows of the run that made it.',
    )
  }
  return train(input, {
    name: 'sft',
    items: 'examples',
    lengths: examples.map(({ promptIds, completionIds }) => promptIds.length + completionIds.length),
    open: (backend) => (parameters, batch) => {
      const chosen = batch.map((i) => examples[i] as SftExample)
      return lossOf(backend, model, parameters, chosen, options.microBatchSize)
    },
  })
}

/** Mean token loss of a batch and its gradients, summed over micro-batches. */
function lossOf(
  backend: Backend,
  { config }: Checkpoint,
  parameters: Parameters,
  batch: readonly SftExample[],
  microBatchSize: number,
): BatchLoss {
  const { tf } = backend
  const tokens = batch.reduce((sum, example) => sum + example.completionIds.length, 0)
  const parts = Array.from({ length: Math.ceil(batch.length / microBatchSize) }, (_, i) => {
    const micro = batch.slice(i * microBatchSize, (i + 1) * microBatchSize)
    return tf.variableGrads(() => sftLoss(backend, config, parameters, micro).div<Scalar>(tokens))
  })
  const [first, ...others] = parts
  if (first === undefined)
    throw new FulcrumError('train', 'A batch is empty', 'Report this: it cannot happen.')
  for (const { value, grads } of others) {
    for (const [name, gradient] of Object.entries(grads)) {
      const before = first.grads[name] as Tensor
      first.grads[name] = tf.add(before, gradient)
      tf.dispose([before, gradient])
    }
    const total = tf.add<Scalar>(first.value, value)
    tf.dispose([first.value, value])
    first.value = total
  }
  return { loss: first.value, gradients: first.grads }
}

/** Sum over completion tokens of -log p(token | all before it), nats. Differentiable. */
export function sftLoss(
  backend: Backend,
  config: Checkpoint['config'],
  parameters: Parameters,
  batch: readonly SftExample[],
): Scalar {
  const { tf } = backend
  return tf.tidy(() => {
    // The last token is only a target: inputs end one earlier.
    const inputs = batch.map(({ promptIds, completionIds }) => [...promptIds, ...completionIds.slice(0, -1)])
    const { ids, length } = padded(inputs)
    const targets = new Int32Array(ids.length)
    const mask = new Float32Array(ids.length)
    batch.forEach(({ promptIds, completionIds }, b) => {
      const start = b * length + promptIds.length - 1
      targets.set(completionIds, start)
      mask.fill(1, start, start + completionIds.length)
    })
    const logProbs = logProbsAt(
      backend,
      config,
      parameters,
      tf.tensor2d(ids, [batch.length, length], 'int32'),
      'all',
      tf.tensor1d(targets, 'int32'),
    )
    return logProbs.mul(tf.tensor1d(mask)).sum().neg().asScalar()
  })
}
