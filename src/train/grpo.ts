import { join } from 'node:path'
import type { NamedTensorMap, Tensor, Tensor1D } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import type { Tokenizer } from '../model/model.ts'
import { type Backend, openBackend } from '../nn/backend.ts'
import { type Checkpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { pickLogProbs } from '../nn/layers.ts'
import { logitsAt, type Parameters, toParameters, toWeights } from '../nn/network.ts'
import { createSampler } from '../nn/sampler.ts'
import { createWasmSampler, fitsKernels } from '../nn/wasm/sampler.ts'
import { writeWhole } from '../store/files.ts'
import type { Verifier } from '../verify/verifier.ts'
import { adamW } from './adamw.ts'
import { padded } from './batches.ts'
import { lineChart } from './chart.ts'
import { claimFolder, isFinished, latestState, saveState } from './checkpoints.ts'
import type { GrpoOptions } from './grpo-options.ts'
import { type LogEntry, openLog } from './log.ts'
import type { TrainingInput } from './loop.ts'
import { entropyOf, policyLoss } from './policy-loss.ts'
import { batchAt, type GrpoProblem, roll, type Rollout, thatFit } from './rollouts.ts'
import { rateAt } from './schedule.ts'

export interface GrpoInput extends Omit<TrainingInput, 'options'> {
  readonly problems: readonly GrpoProblem[]
  readonly tokenizer: Tokenizer
  readonly verifier: Verifier
  readonly options: GrpoOptions
}

/** Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300) with the reward of Phi-4-reasoning-plus,
 *  AdamW, full weights. A step samples a group of rollouts a problem from the present weights with nn/'s own sampler,
 *  verifies and rewards them, leaves out groups whose rewards are all equal and takes `updates` optimiser steps on the
 *  rest. Old log-probabilities are those of the trainer's own forward pass in the first update, not the sampler's, so
 *  that the first ratio is exactly 1; how far the two are apart is logged as rollout_gap. Leaves out truncated sampling
 *  (the policy is the whole distribution), refilling of skipped groups, and LoRA. Killed and run again it ends with the
 *  same weights. */
export async function trainGrpo(input: GrpoInput): Promise<{ steps: number; loss: number }> {
  const { options, model, tokenizerFrom, verifier } = input
  const { out, steps } = options
  const { problems, tooLong } = thatFit(input)
  const from = { data: input.dataId, model: input.modelId, problems: problems.length, too_long: tooLong }
  await claimFolder(out, { trainer: 'grpo', ...from, verifier: verifier.id, ...options, out: undefined })
  const finished = await isFinished(out)
  if (finished !== null) return finished

  const backend = await openBackend(options.backend)
  const sampler = fitsKernels(model.config) ? await createWasmSampler(model) : createSampler(backend, model)
  const resumed = await latestState(out)
  const parameters = toParameters(backend, resumed?.checkpoint ?? model)
  const withReference = options.reference === 'start' && options.klWeight > 0
  const reference = withReference ? toParameters(backend, model) : null
  const moments = { beta1: 0.9, beta2: 0.95, epsilon: 1e-8 }
  const optimizer = adamW(backend, parameters, { ...moments, ...options }, resumed?.moments)
  // Steps without a mixed group make no update: AdamW's own count goes with its moments.
  let updates = resumed?.moments.get('updates')?.data[0] ?? 0
  const log = await openLog(out, resumed?.step ?? 0)
  const trained = async (): Promise<Checkpoint> => ({
    config: model.config,
    weights: await toWeights(parameters),
  })

  let loss = 0
  for (let step = (resumed?.step ?? 0) + 1; step <= steps; step++) {
    input.signal?.throwIfAborted()
    const started = performance.now()
    const learningRate = rateAt(step, { ...options, steps })
    sampler.setWeights((await trained()).weights)
    const { rollouts, ...judged } = await roll(sampler, input, batchAt(step, problems, options), step)
    const batches = microBatches(rollouts, options)
    if (reference !== null) await measureReference(backend, model, reference, batches, options)

    let shown: Shown = { loss: 0, kl: 0, entropy: 0, clipped: 0, rollout_gap: 0 }
    let norm = 0
    for (let update = 0; update < options.updates && batches.length > 0; update++) {
      const { gradients, ...now } = await lossOf(backend, model, parameters, batches, options)
      norm = (await take(optimizer.apply(gradients, ++updates, learningRate)))[0] as number
      backend.tf.dispose(gradients)
      if (!Number.isFinite(now.loss) || !Number.isFinite(norm)) throw noNumber(step, now.loss, norm, rollouts)
      shown = update === 0 ? now : { ...now, rollout_gap: shown.rollout_gap }
    }
    loss = shown.loss

    const tokensPerSecond = judged.tokens / ((performance.now() - started) / 1000)
    const entry = { step, ...shown, learning_rate: learningRate, grad_norm: norm, ...judged.log }
    await log.add({ ...entry, tokens_per_second: Math.round(tokensPerSecond) })
    input.onStep?.({ step, steps, loss, tokensPerSecond })
    if (options.snapshots.includes(step))
      await saveCheckpoint(join(out, `step-${step}`), await trained(), { tokenizerFrom })
    if (step < steps && step % options.checkpointEvery === 0) {
      const state = await optimizer.state()
      state.set('updates', { shape: [1], data: Float32Array.of(updates) })
      await saveState(out, { step, checkpoint: await trained(), moments: state }, tokenizerFrom)
    }
  }
  await writeWhole(join(out, 'reward.svg'), rewardChart(await log.finish()))
  await saveCheckpoint(out, await trained(), { tokenizerFrom })
  optimizer.dispose()
  sampler.dispose()
  backend.tf.dispose([parameters, reference ?? {}])
  return { steps, loss }
}

/** What a step's rollouts earned and how many were right; the loss of a policy gradient says nothing. */
function rewardChart(entries: readonly LogEntry[]): string {
  const line = (name: string, value: (entry: LogEntry) => number | undefined) => ({
    name,
    points: entries.map((entry) => ({ x: entry.step, y: value(entry) ?? 0 })),
  })
  const series = [line('reward', ({ reward }) => reward), line('accuracy', ({ accuracy }) => accuracy)]
  return lineChart(series, {
    title: 'Reward and accuracy of the rollouts by step',
    x: 'step',
    y: '',
    range: [-1, 1],
  })
}

/** Rollouts whose activations are in memory at once. */
interface MicroBatch {
  /** Prompts and completions without their last token, right-padded, [B, T]. */
  readonly ids: Int32Array
  readonly shape: [number, number]
  /** The rest is of every completion token, [N]: b * T + t of the place that predicts it, and its id. */
  readonly rows: Int32Array
  readonly targets: Int32Array
  /** Under the sampler, nats. */
  readonly sampled: Float32Array
  readonly advantages: Float32Array
  readonly weights: Float32Array
  readonly entropyWeights: Float32Array
  /** Under the policy that drew them, by the trainer's own pass, nats: known after the first update. */
  old: Float32Array | null
  /** Under the reference, nats. */
  reference: Float32Array | null
}

/** Rollouts of like lengths together. */
export function microBatches(
  rollouts: readonly Rollout[],
  { microBatchSize, mean }: GrpoOptions,
): MicroBatch[] {
  const tokens = rollouts.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)
  const lengthOf = ({ problem, tokenIds }: Rollout): number => problem.promptIds.length + tokenIds.length
  const sorted = [...rollouts].sort((a, b) => lengthOf(a) - lengthOf(b))
  return Array.from({ length: Math.ceil(sorted.length / microBatchSize) }, (_, m): MicroBatch => {
    const some = sorted.slice(m * microBatchSize, (m + 1) * microBatchSize)
    const inputs = some.map(({ problem, tokenIds }) => [...problem.promptIds, ...tokenIds.slice(0, -1)])
    const { ids, length } = padded(inputs)
    const each = (value: (rollout: Rollout, token: number, b: number) => number): number[] =>
      some.flatMap((rollout, b) => rollout.tokenIds.map((_, token) => value(rollout, token, b)))
    return {
      ids,
      shape: [some.length, length],
      rows: Int32Array.from(each(({ problem }, t, b) => b * length + problem.promptIds.length - 1 + t)),
      targets: Int32Array.from(each(({ tokenIds }, t) => tokenIds[t] as number)),
      sampled: Float32Array.from(each(({ logprobs }, t) => logprobs[t] as number)),
      advantages: Float32Array.from(each(({ advantage }) => advantage)),
      weights: Float32Array.from(
        each(({ tokenIds }) => (mean === 'token' ? 1 / tokens : 1 / (rollouts.length * tokenIds.length))),
      ),
      entropyWeights: Float32Array.from(each(() => 1 / tokens)),
      old: null,
      reference: null,
    }
  })
}

/** Log-probability and entropy [N] of completion tokens under the tempered policy, nats. Differentiable. */
function scored(
  backend: Backend,
  { config }: Checkpoint,
  parameters: Parameters,
  { ids, shape, rows, targets }: MicroBatch,
  { temperature }: GrpoOptions,
): { logProbs: Tensor1D; entropy: Tensor1D } {
  const { tf } = backend
  const input = tf.tensor2d(ids, shape, 'int32')
  const logits = logitsAt(backend, config, parameters, input, tf.tensor1d(rows, 'int32'))
  const tempered = temperature === 1 ? logits : logits.div<typeof logits>(temperature)
  return {
    logProbs: pickLogProbs(tf, tempered, tf.tensor1d(targets, 'int32')),
    entropy: entropyOf(tf, tempered),
  }
}

async function measureReference(
  backend: Backend,
  model: Checkpoint,
  reference: Parameters,
  batches: readonly MicroBatch[],
  options: GrpoOptions,
): Promise<void> {
  for (const batch of batches) {
    const logProbs = backend.tf.tidy(() => scored(backend, model, reference, batch, options).logProbs)
    batch.reference = Float32Array.from(await logProbs.data())
    logProbs.dispose()
  }
}

/** What a step's last update saw, before it. */
interface Shown {
  readonly loss: number
  readonly kl: number
  readonly entropy: number
  /** Share of tokens that the clip holds. */
  readonly clipped: number
  /** Largest |ratio - 1| of the trainer's probability of a token to the sampler's, before the first update. */
  readonly rollout_gap: number
}

/** The loss over all micro-batches and its gradients; the first time, what the policy made of its own rollouts is kept
 *  in them as old log-probabilities. */
export async function lossOf(
  backend: Backend,
  model: Checkpoint,
  parameters: Parameters,
  batches: readonly MicroBatch[],
  options: GrpoOptions,
): Promise<Shown & { gradients: NamedTensorMap }> {
  const { tf } = backend
  const gradients: NamedTensorMap = {}
  const sums = { loss: 0, kl: 0, entropy: 0, clipped: 0 }
  let gap = 0
  for (const batch of batches) {
    let [logProbs, shown]: (Tensor | undefined)[] = []
    const { value, grads } = tf.variableGrads(() => {
      const now = scored(backend, model, parameters, batch, options)
      const constant = (values: Float32Array | null): Tensor1D =>
        values === null ? detached(tf, now.logProbs) : tf.tensor1d(values)
      const tokens = {
        ...now,
        old: constant(batch.old),
        reference: options.klWeight === 0 ? null : constant(batch.reference ?? batch.old),
        advantages: tf.tensor1d(batch.advantages),
        weights: tf.tensor1d(batch.weights),
        entropyWeights: tf.tensor1d(batch.entropyWeights),
      }
      const { loss, kl, entropy, clipped } = policyLoss(tf, tokens, options)
      logProbs = tf.keep(now.logProbs.clone())
      shown = tf.keep(tf.stack([loss, kl, entropy, clipped]))
      return loss
    })
    value.dispose()
    addTo(gradients, grads)
    const [loss = NaN, kl = NaN, entropy = NaN, clipped = NaN] = await take(shown)
    sums.loss += loss
    sums.kl += kl
    sums.entropy += entropy
    sums.clipped += clipped
    const own = await take(logProbs)
    batch.old ??= own
    own.forEach((logProb, i) => {
      gap = Math.max(gap, Math.abs(Math.exp(logProb - (batch.sampled[i] as number)) - 1))
    })
  }
  return { ...sums, rollout_gap: gap, gradients }
}

/** The same values as a constant. */
function detached(tf: Backend['tf'], values: Tensor1D): Tensor1D {
  const constant = tf.customGrad((x) => ({
    value: (x as Tensor).clone(),
    gradFunc: (dy: Tensor) => tf.zerosLike(dy),
  }))
  return constant(values) as Tensor1D
}

/** Adds the gradients of a micro-batch to those of the ones before and disposes what it replaces. */
function addTo(sum: NamedTensorMap, gradients: NamedTensorMap): void {
  for (const [name, gradient] of Object.entries(gradients)) {
    const before = sum[name]
    sum[name] = before === undefined ? gradient : before.add(gradient)
    if (before === undefined) continue
    before.dispose()
    gradient.dispose()
  }
}

async function take(tensor: Tensor | undefined): Promise<Float32Array> {
  const values = Float32Array.from((await tensor?.data()) ?? [])
  tensor?.dispose()
  return values
}

function noNumber(step: number, loss: number, norm: number, rollouts: readonly Rollout[]): FulcrumError {
  const ids = [...new Set(rollouts.map(({ problem }) => problem.id))].join(', ')
  return new FulcrumError(
    'train',
    `Step ${step}: loss ${loss}, gradient norm ${norm}, on rollouts of ${ids}`,
    'The last checkpoint is as it was. Lower --learning-rate and choose another --out.',
  )
}
