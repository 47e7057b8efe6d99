import type { Tensor1D } from '@tensorflow/tfjs'
import { logProbsAt } from '../nn/network.ts'
import { batchStream, padded, type Portioned } from './batches.ts'
import { train, type TrainingInput, type TrainingOptions, type TrainingResult } from './loop.ts'
import { dpoLoss } from './loss.ts'
import type { Network, Objective } from './objective.ts'
import { type Reference, referencesOf } from './reference.ts'
import { refuseEmpty } from './sft.ts'

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
  /** Share of labels taken to be wrong; 0 is plain DPO. Mitchell 2023, "A note on DPO with noisy preferences", eq. 3. */
  readonly labelSmoothing: number
}

export interface DpoInput extends TrainingInput {
  readonly data: readonly Portioned<PreferencePair>[]
  readonly options: DpoOptions
}

/** A pair with what the reference says of it. */
export interface ReferredPair extends PreferencePair {
  readonly reference: Reference
}

/** Direct preference optimisation of whole sequences or of single pivotal tokens, AdamW, all weights or LoRA, the
 *  reference being the model it starts from. Leaves out IPO. Killed and run again it ends with the same weights. */
export async function trainDpo(input: DpoInput): Promise<TrainingResult> {
  const { data, options } = input
  const { beta, nllWeight, labelSmoothing } = options
  refuseEmpty('pairs', data)
  return train(input, {
    name: 'dpo',
    data: data.map(({ items: { id, count, counted }, epochs }) => ({ id, epochs, pairs: count, counted })),
    objective: dpoObjective,
    settings: { beta, nllWeight, labelSmoothing },
    lengthsOf: (pair) => sequencesOf(pair).map((ids) => ids.length),
    weightOf: () => 1,
    open: async (backend) => {
      const referred: Portioned<ReferredPair>[] = []
      for (const { items, epochs } of data)
        referred.push({ items: await referencesOf(backend, input, items, sideLogProbs), epochs })
      const { steps, at } = batchStream(referred, options, (pair) =>
        Math.max(...sequencesOf(pair).map((ids) => ids.length)),
      )
      return { steps, at: async (step) => ({ items: await at(step) }) }
    },
  })
}

/** What the network reads of a pair. Sides of one token each share one sequence: two logits of its last place. */
function sequencesOf({ promptIds, chosenIds, rejectedIds }: PreferencePair): number[][] {
  const shared = chosenIds.length === 1 && rejectedIds.length === 1
  const sides = shared ? [chosenIds] : [chosenIds, rejectedIds]
  return sides.map((ids) => [...promptIds, ...ids.slice(0, -1)])
}

type DpoSettings = Pick<DpoOptions, 'beta' | 'nllWeight' | 'labelSmoothing'>

/** Sums over pairs of the DPO loss, the anchor, and what the log shows: margin (beta times the difference of log-ratios,
 *  nats), accuracy (chosen side preferred), chosen_drift (change of the chosen side's log-probability, nats). */
export const dpoObjective: Objective<ReferredPair, DpoSettings> = (network, pairs, settings) => {
  const { tf } = network.backend
  const { chosen, rejected } = sideLogProbs(network, pairs)
  const [chosenBefore, rejectedBefore] = [
    tf.tensor1d(pairs.map(({ reference }) => reference.chosen)),
    tf.tensor1d(pairs.map(({ reference }) => reference.rejected)),
  ]
  const { loss, margin } = dpoLoss(tf, chosen, rejected, chosenBefore, rejectedBefore, settings)
  const perToken = chosen.div(tf.tensor1d(pairs.map(({ chosenIds }) => chosenIds.length)))
  return {
    loss: loss.sub(perToken.mul(settings.nllWeight)).sum().asScalar(),
    shown: {
      margin: margin.sum().asScalar(),
      accuracy: margin.greater(0).toFloat().sum().asScalar(),
      chosen_drift: chosen.sub(chosenBefore).sum().asScalar(),
    },
  }
}

export interface Sides {
  /** Log-probability of each pair's side given its prompt, summed over the side's tokens, nats, [B]. */
  readonly chosen: Tensor1D
  readonly rejected: Tensor1D
}

/** Differentiable. */
export function sideLogProbs(network: Network, pairs: readonly PreferencePair[]): Sides {
  const { backend, config, parameters, recompute } = network
  const { tf } = backend
  const sequences = pairs.map(sequencesOf)
  const inputs = sequences.flat()
  const { ids, length } = padded(inputs)
  const places: { row: number; target: number; pair: number; side: 0 | 1 }[] = []
  let first = 0
  pairs.forEach(({ promptIds, chosenIds, rejectedIds }, pair) => {
    const own = (sequences[pair] as number[][]).length
    for (const side of [0, 1] as const) {
      const start = (first + Math.min(side, own - 1)) * length + promptIds.length - 1
      const tokens = side === 0 ? chosenIds : rejectedIds
      tokens.forEach((target, i) => places.push({ row: start + i, target, pair, side }))
    }
    first += own
  })
  const integers = (of: (place: (typeof places)[number]) => number): Tensor1D =>
    tf.tensor1d(places.map(of), 'int32')
  const logProbs = logProbsAt(
    backend,
    config,
    parameters,
    tf.tensor2d(ids, [inputs.length, length], 'int32'),
    integers(({ row }) => row),
    integers(({ target }) => target),
    { recompute },
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
