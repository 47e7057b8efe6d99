import type { NamedTensorMap, Scalar } from '@tensorflow/tfjs'
import { type Backend, type BackendName, openBackend } from '../nn/backend.ts'
import { type Checkpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { type Parameters, toParameters, toWeights } from '../nn/network.ts'
import { adamW } from './adamw.ts'
import { batchesOf } from './batches.ts'
import { claimFolder, isFinished, latestState, saveState } from './checkpoints.ts'
import { type LogEntry, openLog } from './log.ts'
import { rateAt, type Schedule } from './schedule.ts'

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

/** What every trainer is given beside its data. */
export interface TrainingInput {
  /** Names the data in run.json and in the hash that resume checks: a manifest's sha256, a generator's settings. */
  readonly dataId: string
  readonly model: Checkpoint
  readonly modelId: string
  /** Folder whose tokenizer files go into the trained model's folder. */
  readonly tokenizerFrom: string
  readonly options: TrainingOptions
  readonly signal?: AbortSignal
  readonly onStep?: (progress: Progress) => void
}

/** What one trainer adds to the loop: its data by length, and the loss. */
export interface Trainer {
  readonly name: 'sft' | 'dpo'
  /** What an item of its data is called in run.json. */
  readonly items: 'examples' | 'pairs'
  /** Tokens of each item, for batches of like lengths. */
  readonly lengths: readonly number[]
  /** Called once before the first step; gives the loss of a batch of item indices. */
  readonly open: (backend: Backend) => LossOfBatch | Promise<LossOfBatch>
}

type LossOfBatch = (parameters: Parameters, batch: readonly number[]) => BatchLoss

/** The mean loss of a batch and its gradients by variable name; the loop disposes both. */
export interface BatchLoss {
  readonly loss: Scalar
  readonly gradients: NamedTensorMap
  /** What the log shows beside the loss, read when the step is done. */
  readonly shown?: () => Promise<Partial<LogEntry>>
}

/** Minimises a trainer's loss with AdamW over full weights. Every step depends on the one before it, the data and the
 *  options only, so that a run that was killed and goes on from its last checkpoint ends with the same weights. */
export async function train(
  input: TrainingInput,
  trainer: Trainer,
): Promise<{ steps: number; loss: number }> {
  const { options, model, tokenizerFrom } = input
  const { out } = options
  const from = { data: input.dataId, model: input.modelId, [trainer.items]: trainer.lengths.length }
  await claimFolder(out, { trainer: trainer.name, ...from, ...options, out: undefined })
  const finished = await isFinished(out)
  if (finished !== null) return finished

  const backend = await openBackend(options.backend)
  const lossOf = await trainer.open(backend)
  const resumed = await latestState(out)
  const parameters = toParameters(backend, resumed?.checkpoint ?? model)
  const moments = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }
  const optimizer = adamW(backend, parameters, { ...moments, ...options }, resumed?.moments)
  const log = await openLog(out, resumed?.step ?? 0)
  const trained = async (): Promise<Checkpoint> => ({
    config: model.config,
    weights: await toWeights(parameters),
  })

  const { steps, batchAt } = plan(trainer.lengths, options)
  let loss = NaN
  for (let step = (resumed?.step ?? 0) + 1; step <= steps; step++) {
    input.signal?.throwIfAborted()
    const started = performance.now()
    const batch = batchAt(step)
    const learningRate = rateAt(step, { ...options, steps })

    const { loss: mean, gradients, shown } = lossOf(parameters, batch)
    const norm = optimizer.apply(gradients, step, learningRate)
    backend.tf.dispose(gradients)

    loss = await read(mean)
    const tokens = batch.reduce((sum, i) => sum + (trainer.lengths[i] as number), 0)
    const tokensPerSecond = tokens / ((performance.now() - started) / 1000)
    const entry = { step, loss, learning_rate: learningRate, grad_norm: await read(norm) }
    await log.add({ ...entry, tokens_per_second: Math.round(tokensPerSecond), ...(await shown?.()) })
    input.onStep?.({ step, steps, loss, tokensPerSecond })
    if (step < steps && step % options.checkpointEvery === 0) {
      const state = { step, checkpoint: await trained(), moments: await optimizer.state() }
      await saveState(out, state, tokenizerFrom)
    }
  }
  await log.finish()
  await saveCheckpoint(out, await trained(), { tokenizerFrom })
  optimizer.dispose()
  backend.tf.dispose(parameters)
  return { steps, loss }
}

/** How many steps the epochs make, and the item indices of each step 1..steps. */
function plan(
  lengths: readonly number[],
  { batchSize, epochs, seed }: TrainingOptions,
): { steps: number; batchAt: (step: number) => readonly number[] } {
  const perEpoch = Math.ceil(lengths.length / batchSize)
  let current = { epoch: -1, batches: [] as readonly (readonly number[])[] }
  return {
    steps: Math.max(1, Math.round(perEpoch * epochs)),
    batchAt: (step) => {
      const epoch = Math.floor((step - 1) / perEpoch)
      if (epoch !== current.epoch) current = { epoch, batches: batchesOf(lengths, batchSize, seed, epoch) }
      return current.batches[(step - 1) % perEpoch] ?? []
    },
  }
}

async function read(scalar: Scalar): Promise<number> {
  const [value] = await scalar.data()
  scalar.dispose()
  return value as number
}
