import type { Scalar, Tensor, Tensor1D } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import type { Backend } from '../nn/backend.ts'
import type { Checkpoint } from '../nn/checkpoint.ts'
import { logProbsAt, type Parameters, toParameters } from '../nn/network.ts'
import { padded } from './batches.ts'
import { type BatchLoss, train, type TrainingInput, type TrainingOptions } from './loop.ts'
import type { LogEntry } from './log.ts'
import { dpoLoss } from './loss.ts'

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

export interface DpoInput extends TrainingInput {
  readonly pairs: readonly PreferencePair[]
  readonly options: DpoOptions
}

/** Direct preference optimisation of whole sequences or of single pivotal tokens, AdamW, full weights, the reference
 *  being the model it starts from. Leaves out IPO, label smoothing and LoRA. Killed and run again it ends with the same
 *  weights. */
export async function trainDpo(input: DpoInput): Promise<{ steps: number; loss: number }> {
  const { pairs } = input
  if (pairs.length === 0) {
    throw new FulcrumError(
      'train',
      `${input.dataId} has no pairs`,
      'Look at the dropped rows of the run that made it; a smaller --gap or more problems find more.',
    )
  }
  return train(input, {
    name: 'dpo',
    items: 'pairs',
    lengths: pairs.map(
      ({ promptIds, chosenIds, rejectedIds }) =>
        promptIds.length + Math.max(chosenIds.length, rejectedIds.length),
    ),
    open: async (backend) => {
      const references = await referenceLogProbs(backend, input)
      return (parameters, batch) => {
        const chosen = batch.map((i) => pairs[i] as PreferencePair)
        const before = batch.map((i) => references[i] as Reference)
        return lossOf(backend, input, parameters, chosen, before)
      }
    },
  })
}

/** Log-probabilities of a pair's sides under the reference, summed over tokens, nats. */
interface Reference {
  readonly chosen: number
  readonly rejected: number
}

/** Mean DPO loss of a batch, with its gradients, margins and drift. */
function lossOf(
  backend: Backend,
  { model, options }: DpoInput,
  parameters: Parameters,
  pairs: readonly PreferencePair[],
  references: readonly Reference[],
): BatchLoss {
  const { tf } = backend
  let margins: Tensor1D | undefined
  let drift: Scalar | undefined
  const { value, grads } = tf.variableGrads(() => {
    const { chosen, rejected } = sideLogProbs(backend, model, parameters, pairs)
    const chosenBefore = tf.tensor1d(references.map((reference) => reference.chosen))
    const rejectedBefore = tf.tensor1d(references.map((reference) => reference.rejected))
    const each = dpoLoss(tf, chosen, rejected, chosenBefore, rejectedBefore, options.beta)
    margins = tf.keep(each.margin.clone())
    drift = tf.keep(chosen.sub(chosenBefore).mean().asScalar())
    const perToken = chosen.div(tf.tensor1d(pairs.map(({ chosenIds }) => chosenIds.length)))
    return each.loss.sub(perToken.mul(options.nllWeight)).mean().asScalar()
  })
  const shown = async (): Promise<Partial<LogEntry>> => {
    const margin = await read(margins as Tensor)
    const [chosenDrift] = await read(drift as Tensor)
    return {
      margin: margin.reduce((a, b) => a + b, 0) / margin.length,
      accuracy: margin.filter((one) => one > 0).length / margin.length,
      chosen_drift: chosenDrift as number,
    }
  }
  return { loss: value, gradients: grads, shown }
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

/** Both sides of every pair under the model that training starts from. */
async function referenceLogProbs(
  backend: Backend,
  { pairs, model, options: { microBatchSize: size } }: DpoInput,
): Promise<Reference[]> {
  const parameters = toParameters(backend, model)
  const references: Reference[] = []
  for (let at = 0; at < pairs.length; at += size) {
    const sides = backend.tf.tidy(() => {
      const { chosen, rejected } = sideLogProbs(backend, model, parameters, pairs.slice(at, at + size))
      return backend.tf.stack([chosen, rejected])
    })
    const values = await read(sides)
    const half = values.length / 2
    for (let i = 0; i < half; i++)
      references.push({ chosen: values[i] as number, rejected: values[half + i] as number })
  }
  backend.tf.dispose(parameters)
  return references
}

async function read(tensor: Tensor): Promise<number[]> {
  const values = Array.from(await tensor.data())
  tensor.dispose()
  return values
}
