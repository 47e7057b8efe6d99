import type { NamedTensorMap } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import { type Backend, type BackendName, openBackend } from '../nn/backend.ts'
import type { Checkpoint } from '../nn/checkpoint.ts'
import { initialAdapter, type LoraOptions, mergeAdapter } from '../nn/lora.ts'
import { type Parameters, toParameters, toWeights, trainableOf } from '../nn/network.ts'
import type { Weight } from '../nn/safetensors.ts'
import { adamW, globalNorm } from './adamw.ts'
import {
  claimFolder,
  dropOlderStates,
  isFinished,
  latestState,
  saveState,
  saveTrained,
} from './checkpoints.ts'
import { type GradientEngine, localEngine, type MicroBatch } from './gradients.ts'
import type { Placed } from './items.ts'
import { openLog } from './log.ts'
import type { Objective } from './objective.ts'
import type { ObjectiveName } from './objectives.ts'
import { rateAt, type Schedule } from './schedule.ts'
import { workerEngine } from './workers.ts'

export interface TrainingOptions {
  readonly out: string
  readonly backend: BackendName | 'auto'
  /** Threads that compute gradients; any number gives the same weights to the last bit. */
  readonly workers: number
  readonly batchSize: number
  /** Examples whose activations are in memory at once; gradients add up over a batch. */
  readonly microBatchSize: number
  /** Gradient checkpointing: a third to a sixth of the memory for a fifth more time (test/bench/train.bench.ts). */
  readonly recompute: boolean
  /** Null: all weights are trained. */
  readonly lora: LoraOptions | null
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
  readonly model: Checkpoint
  /** Decides the model's weights: in run.json and in the hash that resume checks. */
  readonly modelId: string
  /** Folder whose tokenizer files go into the trained model's folder. */
  readonly tokenizerFrom: string
  readonly options: TrainingOptions
  readonly signal?: AbortSignal
  readonly onStep?: (progress: Progress) => void
}

export interface TrainingResult {
  readonly steps: number
  /** Of the last step. */
  readonly loss: number
  /** Share of the positions computed that held padding. */
  readonly padding: number
}

/** What one trainer adds to the loop: where batches come from, and the loss. */
export interface Trainer<Item, Settings> {
  readonly name: ObjectiveName
  /** Decides the batches: in run.json and in the hash that resume checks. */
  readonly data: object
  readonly objective: Objective<Item, Settings>
  /** The objective's numbers; plain data, since they go to worker threads. */
  readonly settings: Settings
  /** Positions of each sequence that the network reads for an item. */
  readonly lengthsOf: (item: Item) => readonly number[]
  /** An item's share in the batch's mean: its completion tokens, or 1. */
  readonly weightOf: (item: Item) => number
  /** Called once before the first step. */
  readonly open: (backend: Backend) => Promise<Batches<Item>>
}

interface Batches<Item> {
  readonly steps: number
  /** The batch of step 1..steps, from the step, the seed and the weights before it alone. `weights` are those of the
   *  whole model, an adapter merged; for trainers that sample their own data. */
  readonly at: (step: number, weights: () => Promise<Checkpoint>) => Promise<Batch<Item>>
}

interface Batch<Item> {
  /** None: the step changes nothing. */
  readonly items: readonly Placed<Item>[]
  /** Goes into the log's line. */
  readonly shown?: Readonly<Record<string, number>>
}

/** Minimises a trainer's loss with AdamW over all weights or an adapter's. Every step depends on the one before it, the
 *  data and the options only, so that a run that was killed and goes on from its last checkpoint ends with the same
 *  weights. */
export async function train<Item, Settings>(
  input: TrainingInput,
  trainer: Trainer<Item, Settings>,
): Promise<TrainingResult> {
  const { options } = input
  const { out } = options
  await claimFolder(out, {
    trainer: trainer.name,
    model: input.modelId,
    data: trainer.data,
    ...options,
    ...{ out: undefined, workers: undefined, checkpointEvery: undefined },
  })
  const finished = await isFinished(out)
  if (finished !== null) return finished

  const backend = await openBackend(options.backend)
  const batches = await trainer.open(backend)
  const resumed = await latestState(out, input)
  const policy = openPolicy(backend, input, resumed?.trained)
  const optimizer = adamW(backend, policy.trainable, { ...moments, ...options }, resumed?.moments)
  const engine = await openEngine(backend, policy.parameters, input, trainer)
  const log = await openLog(out, resumed?.step ?? 0)
  const save = async (step: number): Promise<void> =>
    saveState(out, { step, trained: await policy.trained(), moments: await optimizer.state() }, input)
  try {
    for (let step = (resumed?.step ?? 0) + 1; step <= batches.steps; step++) {
      input.signal?.throwIfAborted()
      const started = performance.now()
      const { items, shown } = await batches.at(step, () => policy.merged())
      const micros = microBatches(items, trainer, options)
      const learning_rate = rateAt(step, { ...options, steps: batches.steps })
      const { loss, grad_norm, sums, gradients } = await measure(backend, engine, micros, { out, step })
      if ((step - 1) % options.checkpointEvery === 0 && step > 1) await dropOlderStates(out)
      if (micros.length > 0) optimizer.apply(gradients, grad_norm, step, learning_rate)
      backend.tf.dispose(gradients)

      const { tokens, positions } = sizeOf(micros, trainer)
      const tokensPerSecond = tokens / ((performance.now() - started) / 1000)
      const speed = { tokens, positions, tokens_per_second: Math.round(tokensPerSecond) }
      await log.add({ step, loss, learning_rate, grad_norm, ...speed, ...sums, ...shown })
      input.onStep?.({ step, steps: batches.steps, loss, tokensPerSecond })
      if (step < batches.steps && step % options.checkpointEvery === 0) await save(step)
    }
    await log.finish()
    await saveTrained(out, await policy.trained(), await policy.merged(), input)
    return (await isFinished(out)) as TrainingResult
  } finally {
    await engine.close()
    optimizer.dispose()
    backend.tf.dispose(policy.parameters)
  }
}

interface Measured {
  readonly loss: number
  /** Before clipping. */
  readonly grad_norm: number
  /** What the objective shows. */
  readonly sums: Readonly<Record<string, number>>
  readonly gradients: NamedTensorMap
}

/** Loss and gradients of a batch; what is no number stops the run. */
async function measure<Item>(
  backend: Backend,
  engine: GradientEngine<Item>,
  micros: readonly Micro<Item>[],
  { out, step }: { readonly out: string; readonly step: number },
): Promise<Measured> {
  if (micros.length === 0) return { loss: 0, grad_norm: 0, sums: {}, gradients: {} }
  const { parts, gradients } = await engine.gradients(micros)
  const loss = parts.reduce((sum, part) => sum + part.loss, 0)
  const norm = await globalNorm(backend, gradients)
  if (!Number.isFinite(loss) || !Number.isFinite(norm)) {
    backend.tf.dispose(gradients)
    const bad = micros.filter((_, i) => !Number.isFinite(parts[i]?.loss))
    throw notFinite(out, step, loss, norm, bad.length > 0 ? bad : micros)
  }
  const names = Object.keys(parts[0]?.shown ?? {})
  const sums = names.map((name) => [name, parts.reduce((sum, { shown }) => sum + (shown[name] ?? 0), 0)])
  return { loss, grad_norm: norm, sums: Object.fromEntries(sums) as Record<string, number>, gradients }
}

/** As in GPT-3 (Brown et al. 2020, appendix B), but for beta1 and epsilon the defaults. */
const moments = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }

interface Policy {
  readonly parameters: Parameters
  /** The part that training changes. */
  readonly trainable: Parameters
  trained(): Promise<Map<string, Weight>>
  /** The whole model as it stands. */
  merged(): Promise<Checkpoint>
}

/** The model on the backend, from the start or from a checkpoint's trained tensors. */
function openPolicy(
  backend: Backend,
  { model, options: { lora, seed } }: TrainingInput,
  from: ReadonlyMap<string, Weight> | undefined,
): Policy {
  const { config } = model
  if (lora === null) {
    const parameters = toParameters(backend, { config, weights: from ?? model.weights })
    const trained = (): Promise<Map<string, Weight>> => toWeights(parameters)
    return {
      parameters,
      trainable: parameters,
      trained,
      merged: async () => ({ config, weights: await trained() }),
    }
  }
  const adapter = from === undefined ? initialAdapter(config, lora, seed) : { options: lora, weights: from }
  const parameters = toParameters(backend, model, adapter)
  const trainable = trainableOf(parameters)
  const trained = (): Promise<Map<string, Weight>> => toWeights(trainable)
  const merged = async (): Promise<Checkpoint> =>
    mergeAdapter(model, { options: lora, weights: await trained() })
  return { parameters, trainable, trained, merged }
}

async function openEngine<Item, Settings>(
  backend: Backend,
  parameters: Parameters,
  { model, options: { workers, recompute } }: TrainingInput,
  { name, objective, settings }: Trainer<Item, Settings>,
): Promise<GradientEngine<Item>> {
  const network = { backend, config: model.config, parameters, recompute }
  return workers === 1
    ? localEngine(network, objective, settings)
    : workerEngine(network, { objective: name, settings, workers })
}

interface Micro<Item> extends MicroBatch<Item> {
  readonly places: readonly string[]
}

function microBatches<Item, Settings>(
  placed: readonly Placed<Item>[],
  { weightOf }: Trainer<Item, Settings>,
  { microBatchSize: size }: TrainingOptions,
): Micro<Item>[] {
  const scale = 1 / placed.reduce((sum, { item }) => sum + weightOf(item), 0)
  return Array.from({ length: Math.ceil(placed.length / size) }, (_, i) => {
    const part = placed.slice(i * size, (i + 1) * size)
    return { items: part.map(({ item }) => item), places: part.map(({ place }) => place), scale }
  })
}

/** Tokens that the network reads, and positions it computes, padding included. */
function sizeOf<Item, Settings>(
  micros: readonly MicroBatch<Item>[],
  { lengthsOf }: Trainer<Item, Settings>,
): { tokens: number; positions: number } {
  let [tokens, positions] = [0, 0]
  for (const { items } of micros) {
    const lengths = items.flatMap(lengthsOf)
    tokens += lengths.reduce((sum, length) => sum + length, 0)
    positions += lengths.length * Math.max(...lengths)
  }
  return { tokens, positions }
}

function notFinite(
  out: string,
  step: number,
  loss: number,
  norm: number,
  micros: readonly Micro<unknown>[],
): FulcrumError {
  const places = micros.flatMap((micro) => micro.places)
  const more = places.length > 8 ? ` and ${places.length - 8} more` : ''
  return new FulcrumError(
    'train',
    `Step ${step} has loss ${loss} and gradient norm ${norm}, in ${places.slice(0, 8).join(', ')}${more}`,
    `The checkpoints before it are kept in ${out}/checkpoints. Lower --learning-rate, or leave these rows out.`,
  )
}
