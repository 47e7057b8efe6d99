import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import { type Backend, openBackend } from '../nn/backend.ts'
import { type Checkpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { logProbsAt, type Parameters, toParameters, toWeights } from '../nn/network.ts'
import { adamW } from './adamw.ts'
import { batchesOf, padded } from './batches.ts'
import { claimFolder, isFinished, latestState, saveState } from './checkpoints.ts'
import { openLog } from './log.ts'
import { dpoLoss } from './loss.ts'
import { rateAt } from './schedule.ts'
import type { Progress, TrainingOptions } from './sft.ts'

/** Exact ids of a preference pair: nothing is added to either side, above all no end token after one-token sides. */
export interface PreferencePair {
  readonly promptIds: readonly number[]
  readonly chosenIds: readonly number[]
  readonly rejectedIds: readonly number[]
}

export interface DpoOptions extends TrainingOptions {
  /** Strength of the pull to the reference; the Phi-4 report gives no value. */
  readonly beta: number
  /** Weight of the chosen side's mean token loss. One-token DPO alone can drain probability from both tokens. */
  readonly nllWeight: number
}

export interface DpoInput {
  readonly pairs: readonly PreferencePair[]
  readonly dataId: string
  readonly model: Checkpoint
  readonly modelId: string
  readonly tokenizerFrom: string
  readonly options: DpoOptions
  readonly signal?: AbortSignal
  readonly onStep?: (progress: Progress) => void
}

/** Direct preference optimisation of whole sequences or of single pivotal tokens, AdamW, full weights, the reference
 *  being the model it starts from. Leaves out IPO, label smoothing and LoRA. Killed and run again it ends with the same
 *  weights. */
export async function trainDpo(input: DpoInput): Promise<{ steps: number; loss: number }> {
  const { pairs, options, model } = input
  if (pairs.length === 0) {
    throw new FulcrumError(
      'train',
      `${input.dataId} has no pairs`,
      'Look at the dropped rows of the run that made it; a smaller --gap or more problems find more.',
    )
  }
  await claimFolder(options.out, {
    trainer: 'dpo',
    data: input.dataId,
    model: input.modelId,
    pairs: pairs.length,
    ...{ ...options, out: undefined },
  })
  const finished = await isFinished(options.out)
  if (finished !== null) return finished

  const backend = await openBackend(options.backend)
  const reference = toParameters(backend, model)
  const references = await referenceLogProbs(backend, model, reference, pairs, options.microBatchSize)
  backend.tf.dispose(reference)

  const resumed = await latestState(options.out)
  const parameters = toParameters(backend, resumed?.checkpoint ?? model)
  const optimizer = adamW(
    backend,
    parameters,
    { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, ...options },
    resumed?.moments,
  )
  const log = await openLog(options.out, resumed?.step ?? 0)

  const lengths = pairs.map(
    ({ promptIds, chosenIds, rejectedIds }) =>
      promptIds.length + Math.max(chosenIds.length, rejectedIds.length),
  )
  const perEpoch = Math.ceil(pairs.length / options.batchSize)
  const steps = Math.max(1, Math.round(perEpoch * options.epochs))
  let loss = NaN
  for (let step = (resumed?.step ?? 0) + 1; step <= steps; step++) {
    input.signal?.throwIfAborted()
    const started = performance.now()
    const epoch = Math.floor((step - 1) / perEpoch)
    const batch = batchesOf(lengths, options.batchSize, options.seed, epoch)[(step - 1) % perEpoch] ?? []
    const learningRate = rateAt(step, { ...options, steps })

    const chosenBefore = batch.map((i) => references[i]?.chosen as number)
    const rejectedBefore = batch.map((i) => references[i]?.rejected as number)
    const chosenPairs = batch.map((i) => pairs[i] as PreferencePair)
    const { tf } = backend
    let margins: Tensor1D | undefined
    let drift: Scalar | undefined
    const { value, grads } = tf.variableGrads(() => {
      const { chosen, rejected } = sideLogProbs(backend, model, parameters, chosenPairs)
      const before = tf.tensor1d(chosenBefore)
      const each = dpoLoss(tf, chosen, rejected, before, tf.tensor1d(rejectedBefore), options.beta)
      margins = tf.keep(each.margin.clone())
      drift = tf.keep(chosen.sub(before).mean().asScalar())
      const perToken = chosen.div(tf.tensor1d(chosenPairs.map(({ chosenIds }) => chosenIds.length)))
      return each.loss.sub(perToken.mul(options.nllWeight)).mean().asScalar()
    })
    const norm = optimizer.apply(grads, step, learningRate)
    tf.dispose(grads)

    const tokens = batch.reduce((sum, i) => sum + (lengths[i] as number), 0)
    const tokensPerSecond = tokens / ((performance.now() - started) / 1000)
    loss = (await read(value))[0] as number
    const shown = await read(margins as Tensor)
    await log.add({
      step,
      loss,
      learning_rate: learningRate,
      grad_norm: (await read(norm))[0] as number,
      tokens_per_second: Math.round(tokensPerSecond),
      margin: shown.reduce((a, b) => a + b, 0) / shown.length,
      accuracy: shown.filter((margin) => margin > 0).length / shown.length,
      chosen_drift: (await read(drift as Tensor))[0] as number,
    })
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
  await saveCheckpoint(
    options.out,
    { config: model.config, weights: await toWeights(parameters) },
    { tokenizerFrom: input.tokenizerFrom },
  )
  optimizer.dispose()
  backend.tf.dispose(parameters)
  return { steps, loss }
}

interface Sides {
  /** Log-probability of each pair's side given its prompt, summed over the side's tokens, nats, [B]. */
  readonly chosen: Tensor1D
  readonly rejected: Tensor1D
}

/** Differentiable. Pairs of one token each share their prompt: one sequence, two logits of its last place. */
export function sideLogProbs(
  backend: Backend,
  { config }: Checkpoint,
  parameters: Parameters,
  pairs: readonly PreferencePair[],
): Sides {
  const { tf } = backend
  const inputs: number[][] = []
  const places: { sequence: number; position: number; target: number; pair: number; side: 0 | 1 }[] = []
  pairs.forEach(({ promptIds, chosenIds, rejectedIds }, pair) => {
    const shared = chosenIds.length === 1 && rejectedIds.length === 1
    for (const [side, ids] of [chosenIds, rejectedIds].entries()) {
      if (side === 0 || !shared) inputs.push([...promptIds, ...ids.slice(0, -1)])
      ids.forEach((target, i) => {
        places.push({
          sequence: inputs.length - 1,
          position: promptIds.length - 1 + i,
          target,
          pair,
          side: side as 0 | 1,
        })
      })
    }
  })
  const { ids, length } = padded(inputs)
  const rows = places.map(({ sequence, position }) => sequence * length + position)
  const logProbs = logProbsAt(
    backend,
    config,
    parameters,
    tf.tensor2d(ids, [inputs.length, length], 'int32'),
    tf.tensor1d(rows, 'int32'),
    tf.tensor1d(
      places.map(({ target }) => target),
      'int32',
    ),
  )
  const sum = (wanted: 0 | 1): Tensor1D => {
    const members = new Float32Array(pairs.length * places.length)
    places.forEach(({ pair, side }, n) => {
      if (side === wanted) members[pair * places.length + n] = 1
    })
    return tf.matMul(tf.tensor2d(members, [pairs.length, places.length]), logProbs.expandDims(1)).as1D()
  }
  return { chosen: sum(0), rejected: sum(1) }
}

async function referenceLogProbs(
  backend: Backend,
  model: Checkpoint,
  parameters: Parameters,
  pairs: readonly PreferencePair[],
  batchSize: number,
): Promise<{ chosen: number; rejected: number }[]> {
  const out: { chosen: number; rejected: number }[] = []
  for (let at = 0; at < pairs.length; at += batchSize) {
    const sides = backend.tf.tidy(() => {
      const { chosen, rejected } = sideLogProbs(backend, model, parameters, pairs.slice(at, at + batchSize))
      return backend.tf.stack([chosen, rejected])
    })
    const values = await read(sides)
    const half = values.length / 2
    for (let i = 0; i < half; i++)
      out.push({ chosen: values[i] as number, rejected: values[half + i] as number })
  }
  return out
}

async function read(tensor: Tensor): Promise<number[]> {
  const values = Array.from(await tensor.data())
  tensor.dispose()
  return values
}
