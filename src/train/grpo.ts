import { join } from 'node:path'
import type { Tensor, Tensor1D } from '@tensorflow/tfjs'
import type { Tokenizer } from '../model/model.ts'
import type { Backend } from '../nn/backend.ts'
import { type Checkpoint, saveCheckpoint } from '../nn/checkpoint.ts'
import { pickLogProbs } from '../nn/layers.ts'
import { logitsAt, type Parameters, toParameters } from '../nn/network.ts'
import { createSampler } from '../nn/sampler.ts'
import { createWasmSampler, fitsKernels } from '../nn/wasm/sampler.ts'
import { writeWhole } from '../store/files.ts'
import type { Verifier } from '../verify/verifier.ts'
import { padded } from './batches.ts'
import { lineChart } from './chart.ts'
import type { GrpoOptions } from './grpo-options.ts'
import type { Placed } from './items.ts'
import { type LogEntry, readLog } from './log.ts'
import { train, type TrainingInput, type TrainingResult } from './loop.ts'
import type { Network, Objective } from './objective.ts'
import { entropyOf, policyLoss } from './policy-loss.ts'
import { batchAt, type Encoded, type GrpoProblem, roll, type Rollout, thatFit } from './rollouts.ts'

export interface GrpoInput extends TrainingInput {
  /** Decides the problems: in run.json and in the hash that resume checks. */
  readonly dataId: string
  readonly problems: readonly GrpoProblem[]
  readonly tokenizer: Tokenizer
  readonly verifier: Verifier
  readonly options: GrpoOptions
}

/** Group relative policy optimisation (Shao et al. 2024, arXiv:2402.03300) with the reward of Phi-4-reasoning-plus
 *  (reward.ts), AdamW, all weights or LoRA. A round samples a group of rollouts a problem from the present weights with
 *  nn/'s own sampler, verifies and rewards them, leaves out groups whose rewards are all equal and takes `updates`
 *  optimiser steps on the rest. Old log-probabilities are those of the trainer's own forward pass, not the sampler's, so
 *  that the first ratio is 1; how far the two are apart is logged as rollout_gap. KL is k3 against the starting model, or
 *  against the old policy, where it has no gradient at the first update. Leaves out truncated sampling (the policy is the
 *  whole distribution) and refilling of skipped groups; the warm-up is linear, the paper's a cosine, and a round without
 *  a mixed group counts as a step that changes nothing. Killed and run again
 *  it ends with the same weights. */
export async function trainGrpo(input: GrpoInput): Promise<TrainingResult> {
  const { verifier, dataId } = input
  const { out, temperature, clipLow, clipHigh, klWeight, reference, entropyWeight, updates } = input.options
  const { problems, tooLong } = thatFit(input)
  // Rollouts are not kept: a checkpoint stands between two rounds.
  const checkpointEvery = Math.ceil(input.options.checkpointEvery / updates) * updates
  const options = { ...input.options, checkpointEvery }
  let rounds: Rounds | undefined
  try {
    const result = await train(
      { ...input, options },
      {
        name: 'grpo',
        data: { id: dataId, problems: problems.length, too_long: tooLong, verifier: verifier.id },
        objective: grpoObjective,
        settings: { temperature, clipLow, clipHigh, klWeight, reference, entropyWeight },
        lengthsOf: ({ promptIds, tokenIds }) => [promptIds.length + tokenIds.length - 1],
        weightOf: () => 1,
        open: async (backend) => (rounds = await openRounds(backend, input, problems)),
      },
    )
    await writeWhole(join(out, 'reward.svg'), rewardChart(await readLog(out)))
    return result
  } finally {
    rounds?.close()
  }
}

interface Rounds {
  readonly steps: number
  readonly at: (
    step: number,
    weights: () => Promise<Checkpoint>,
  ) => Promise<{ items: readonly Placed<Rollout>[]; shown: Readonly<Record<string, number>> }>
  readonly close: () => void
}

/** Rollouts on demand: a new round every `updates` steps. */
async function openRounds(backend: Backend, input: GrpoInput, problems: readonly Encoded[]): Promise<Rounds> {
  const { model, options, tokenizerFrom } = input
  const { updates, steps, snapshots, out } = options
  const sampler = fitsKernels(model.config) ? await createWasmSampler(model) : createSampler(backend, model)
  const withReference = options.reference === 'start' && options.klWeight > 0
  const reference = withReference ? toParameters(backend, model) : null
  const scores = (parameters: Parameters, items: readonly Placed<Rollout>[]): Promise<number[][]> =>
    tokenLogProbs(backend, model, parameters, items, options)
  let items: readonly Placed<Rollout>[] = []
  let shown: Readonly<Record<string, number>> = {}
  return {
    steps: steps * updates,
    at: async (step, weights) => {
      if ((step - 1) % updates !== 0) return { items, shown }
      const round = (step - 1) / updates + 1
      const present = await weights()
      if (snapshots.includes(round - 1))
        await saveCheckpoint(join(out, `step-${round - 1}`), present, { tokenizerFrom })
      sampler.setWeights(present.weights)
      const rolled = await roll(sampler, input, batchAt(round, problems, options), round)
      const before = reference === null ? null : await scores(reference, rolled.rollouts)
      // With one update the present policy is the old one: its own pass gives both sides of the ratio.
      const policy = updates === 1 ? null : toParameters(backend, present)
      const old = policy === null ? null : await scores(policy, rolled.rollouts)
      backend.tf.dispose(policy ?? {})
      items = rolled.rollouts.map(({ item, place }, i) => ({
        item: { ...item, old: old?.[i] ?? null, reference: before?.[i] ?? null },
        place,
      }))
      shown = { ...rolled.shown }
      return { items, shown }
    },
    close: () => {
      sampler.dispose()
      backend.tf.dispose(reference ?? {})
    },
  }
}

/** Log-probability of every token of rollouts, nats, in the parts that the loop cuts them into: to the last bit what the
 *  loop's own pass gives. */
async function tokenLogProbs(
  backend: Backend,
  { config }: Checkpoint,
  parameters: Parameters,
  rollouts: readonly Placed<Rollout>[],
  { microBatchSize: size, temperature }: GrpoOptions,
): Promise<number[][]> {
  const found: number[][] = []
  for (let at = 0; at < rollouts.length; at += size) {
    const items = rollouts.slice(at, at + size).map(({ item }) => item)
    const network = { backend, config, parameters, recompute: false }
    const logProbs = backend.tf.tidy(() => scored(network, items, temperature).logProbs)
    const values = Array.from(await logProbs.data())
    logProbs.dispose()
    for (const { tokenIds } of items) found.push(values.splice(0, tokenIds.length))
  }
  return found
}

type GrpoSettings = Pick<
  GrpoOptions,
  'temperature' | 'clipLow' | 'clipHigh' | 'klWeight' | 'reference' | 'entropyWeight'
>

/** Sums over rollouts of GRPO's loss and what the log shows: kl (k3, as it stands in the loss), and means over tokens of
 *  entropy (nats), clipped (the clip holds the token) and rollout_gap (|ratio - 1| of the old policy by the trainer's pass
 *  to the same by the sampler's). */
export const grpoObjective: Objective<Rollout, GrpoSettings> = (network, rollouts, settings) => {
  const { tf } = network.backend
  const { logProbs, entropy } = scored(network, rollouts, settings.temperature)
  const each = (value: (rollout: Rollout, token: number) => number): Tensor1D =>
    tf.tensor1d(rollouts.flatMap((rollout) => rollout.tokenIds.map((_, token) => value(rollout, token))))
  const given = (of: 'old' | 'reference'): Tensor1D =>
    rollouts.some((rollout) => rollout[of] === null)
      ? detached(tf, logProbs)
      : each((rollout, token) => rollout[of]?.[token] as number)
  const old = given('old')
  const entropyWeights = each(({ tokenShare }) => tokenShare)
  const { loss, ...shown } = policyLoss(
    tf,
    {
      ...{ logProbs, entropy, old, entropyWeights },
      reference: settings.klWeight === 0 ? null : settings.reference === 'old' ? old : given('reference'),
      advantages: each(({ advantage }) => advantage),
      weights: each(({ share }) => share),
    },
    settings,
  )
  const gap = tf.exp(old.sub(each(({ sampled }, token) => sampled[token] as number))).sub(1)
  return { loss, shown: { ...shown, rollout_gap: gap.abs().mul(entropyWeights).sum().asScalar() } }
}

/** Log-probability and entropy [N] of all tokens of rollouts, one rollout behind the other, under the tempered policy,
 *  nats. Differentiable. */
function scored(
  { backend, config, parameters, recompute }: Network,
  rollouts: readonly Rollout[],
  temperature: number,
): { logProbs: Tensor1D; entropy: Tensor1D } {
  const { tf } = backend
  // The last token is only a target: inputs end one earlier.
  const { ids, length } = padded(
    rollouts.map(({ promptIds, tokenIds }) => [...promptIds, ...tokenIds.slice(0, -1)]),
  )
  const rows = rollouts.flatMap(({ promptIds, tokenIds }, b) =>
    tokenIds.map((_, token) => b * length + promptIds.length - 1 + token),
  )
  const input = tf.tensor2d(ids, [rollouts.length, length], 'int32')
  const places = tf.tensor1d(rows, 'int32')
  const logits = logitsAt(backend, config, parameters, input, places, { recompute })
  const tempered = temperature === 1 ? logits : logits.div<typeof logits>(temperature)
  const targets = tf.tensor1d(
    rollouts.flatMap(({ tokenIds }) => tokenIds),
    'int32',
  )
  return { logProbs: pickLogProbs(tf, tempered, targets), entropy: entropyOf(tf, tempered) }
}

/** The same values as a constant. */
function detached(tf: Backend['tf'], values: Tensor1D): Tensor1D {
  const constant = tf.customGrad((x) => ({
    value: (x as Tensor).clone(),
    gradFunc: (dy: Tensor) => tf.zerosLike(dy),
  }))
  return constant(values) as Tensor1D
}

/** What a round's rollouts earned and how many were right; the loss of a policy gradient says nothing. */
function rewardChart(entries: readonly LogEntry[]): string {
  const line = (name: 'reward' | 'accuracy') => ({
    name,
    points: entries.map((entry) => ({ x: entry.step, y: entry[name] ?? 0 })),
  })
  return lineChart([line('reward'), line('accuracy')], {
    title: 'Reward and accuracy of the rollouts by step',
    ...{ x: 'step', y: '', range: [-1, 1] },
  })
}
