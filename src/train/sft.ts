import type { Scalar } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import { type Backend, type BackendName, openBackend } from '../nn/backend.ts'
import { type Checkpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { logProbsAt, type Parameters, toParameters, toWeights } from '../nn/network.ts'
import { adamW } from './adamw.ts'
import { batchesOf, padded } from './batches.ts'
import { claimFolder, isFinished, latestState, saveState } from './checkpoints.ts'
import { openLog } from './log.ts'
import { rateAt, type Schedule } from './schedule.ts'

/** Exact ids: the loss falls on completion ids only, nothing is added to either side. */
export interface SftExample {
  readonly promptIds: readonly number[]
  readonly completionIds: readonly number[]
}

export interface TrainingOptions {
  readonly out: string
  readonly backend: BackendName | 'auto'
  readonly batchSize: number
  /** Examples whose activations are in memory at once; gradients add up over a batch. */
  readonly microBatchSize: number
  readonly epochs: number
  readonly learningRate: number
  readonly warmupSteps: number
  readonly decay: Schedule['decay']
  readonly weightDecay: number
  readonly clipNorm: number
  readonly seed: number
  readonly checkpointEvery: number
}

export interface Progress {
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly tokensPerSecond: number
}

export interface SftInput {
  readonly examples: readonly SftExample[]
  /** Names the examples in run.json and in the hash that resume checks: a manifest's sha256, a generator's settings. */
  readonly dataId: string
  readonly model: Checkpoint
  readonly modelId: string
  /** Folder whose tokenizer files go into the trained model's folder. */
  readonly tokenizerFrom: string
  readonly options: TrainingOptions
  readonly signal?: AbortSignal
  readonly onStep?: (progress: Progress) => void
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
  await claimFolder(options.out, {
    trainer: 'sft',
    data: input.dataId,
    model: input.modelId,
    examples: examples.length,
    ...{ ...options, out: undefined },
  })
  const finished = await isFinished(options.out)
  if (finished !== null) return finished

  const backend = await openBackend(options.backend)
  const resumed = await latestState(options.out)
  const parameters = toParameters(backend, resumed?.checkpoint ?? model)
  const optimizer = adamW(
    backend,
    parameters,
    { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, ...options },
    resumed?.moments,
  )
  const log = await openLog(options.out, resumed?.step ?? 0)

  const lengths = examples.map(({ promptIds, completionIds }) => promptIds.length + completionIds.length)
  const perEpoch = Math.ceil(examples.length / options.batchSize)
  const steps = Math.max(1, Math.round(perEpoch * options.epochs))
  let loss = NaN
  let shuffled: { epoch: number; batches: readonly (readonly number[])[] } = { epoch: -1, batches: [] }
  for (let step = (resumed?.step ?? 0) + 1; step <= steps; step++) {
    input.signal?.throwIfAborted()
    const started = performance.now()
    const epoch = Math.floor((step - 1) / perEpoch)
    if (epoch !== shuffled.epoch) {
      shuffled = { epoch, batches: batchesOf(lengths, options.batchSize, options.seed, epoch) }
    }
    const batch = shuffled.batches[(step - 1) % perEpoch] ?? []
    const learningRate = rateAt(step, { ...options, steps })

    const chosen = batch.map((i) => examples[i] as SftExample)
    const { value, gradients } = gradientsOf(backend, model, parameters, chosen, options.microBatchSize)
    const norm = optimizer.apply(gradients, step, learningRate)
    backend.tf.dispose(gradients)

    loss = await read(value)
    const tokens = batch.reduce((sum, i) => sum + (lengths[i] as number), 0)
    const tokensPerSecond = tokens / ((performance.now() - started) / 1000)
    const entry = { step, loss, learning_rate: learningRate, grad_norm: await read(norm) }
    await log.add({ ...entry, tokens_per_second: Math.round(tokensPerSecond) })
    input.onStep?.({ step, steps, loss, tokensPerSecond })
    if (step < steps && step % options.checkpointEvery === 0) {
      const checkpoint = { config: model.config, weights: await toWeights(parameters) }
      await saveState(
        options.out,
        { step, checkpoint, moments: await optimizer.state() },
        input.tokenizerFrom,
      )
    }
  }
  await log.finish()
  const trained = { config: model.config, weights: await toWeights(parameters) }
  await saveCheckpoint(options.out, trained, { tokenizerFrom: input.tokenizerFrom })
  optimizer.dispose()
  backend.tf.dispose(parameters)
  return { steps, loss }
}

/** Gradient of the batch's mean token loss, summed over micro-batches. */
function gradientsOf(
  { tf, ...rest }: Backend,
  { config }: Checkpoint,
  parameters: Parameters,
  batch: readonly SftExample[],
  microBatchSize: number,
): { value: Scalar; gradients: ReturnType<Backend['tf']['variableGrads']>['grads'] } {
  const tokens = batch.reduce((sum, example) => sum + example.completionIds.length, 0)
  const parts = Array.from({ length: Math.ceil(batch.length / microBatchSize) }, (_, i) => {
    const micro = batch.slice(i * microBatchSize, (i + 1) * microBatchSize)
    return tf.variableGrads(() =>
      sftLoss({ tf, ...rest }, config, parameters, micro)
        .div(tokens)
        .asScalar(),
    )
  })
  const [first, ...others] = parts
  if (first === undefined)
    throw new FulcrumError('train', 'A batch is empty', 'Report this: it cannot happen.')
  for (const { value, grads } of others) {
    for (const [name, gradient] of Object.entries(grads)) {
      const sum = tf.add(first.grads[name] as Scalar, gradient)
      tf.dispose([first.grads[name] as Scalar, gradient])
      first.grads[name] = sum
    }
    const total = tf.add<Scalar>(first.value, value)
    tf.dispose([first.value, value])
    first.value = total
  }
  return { value: first.value, gradients: first.grads }
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

async function read(scalar: Scalar): Promise<number> {
  const [value] = await scalar.data()
  scalar.dispose()
  return value as number
}
