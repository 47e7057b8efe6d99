import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs'
import type { Backend, TensorFlow } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import {
  at,
  causalMask,
  dense,
  feedForward,
  gatherRows,
  linear,
  loraScale,
  type Parameters,
  pickLogProbs,
  projections,
  rmsNorm,
  type Rope,
  ropeTables,
  rotate,
} from './layers.ts'
import type { Adapter } from './lora.ts'
import { recomputed } from './recompute.ts'
import type { Weight } from './safetensors.ts'

export type { Parameters }

/** Copies a checkpoint's weights to the backend, with an adapter's where there is one: then those alone are trained. */
export function toParameters({ tf }: Backend, checkpoint: Checkpoint, adapter?: Adapter): Parameters {
  const variables = (weights: Checkpoint['weights'], trainable: boolean): [string, Variable][] =>
    [...weights].map(([name, { shape, data }]) => [
      name,
      tf.tidy(() => tf.variable(tf.tensor(data, [...shape], 'float32'), trainable)),
    ])
  const base = variables(checkpoint.weights, adapter === undefined)
  if (adapter === undefined) return Object.fromEntries(base)
  const { rank, alpha } = adapter.options
  const scale = tf.tidy(() => tf.variable(tf.scalar(alpha / rank), false))
  return Object.fromEntries([...base, ...variables(adapter.weights, true), [loraScale, scale]])
}

/** The part of the parameters that training changes. */
export function trainableOf(parameters: Parameters): Parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, { trainable }]) => trainable))
}

/** Copies the tensors back. */
export async function toWeights(parameters: Parameters): Promise<Map<string, Weight>> {
  const weights = new Map<string, Weight>()
  for (const [name, variable] of Object.entries(parameters)) {
    weights.set(name, { shape: variable.shape, data: Float32Array.from(await variable.data()) })
  }
  return weights
}

/** Logits [B, T, V] of ids [B, T]; causal, so padding on the right changes nothing before it. Differentiable. */
export function logits(
  backend: Backend,
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor2D,
): Tensor3D {
  const [batch, length] = ids.shape
  return backend.tf.tidy(() =>
    project(backend, config, parameters, hidden(backend, config, parameters, ids)).reshape([
      batch,
      length,
      config.vocabSize,
    ]),
  )
}

/** Log-probabilities [N] of `targets` [N] at places `rows` [N] of ids [B, T], nats; a row is b * T + t, 'all' is every one.
 *  Differentiable; with `recompute` only the layers' inputs are kept for the backward pass. */
export function logProbsAt(
  backend: Backend,
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor2D,
  rows: Tensor1D | 'all',
  targets: Tensor1D,
  { recompute = false }: { readonly recompute?: boolean } = {},
): Tensor1D {
  const { tf } = backend
  return tf.tidy(() => {
    const states = hidden(backend, config, parameters, ids, recompute)
    const wanted = rows === 'all' ? states : gatherRows(tf, states, rows)
    return pickLogProbs(tf, project(backend, config, parameters, wanted), targets)
  })
}

/** Last hidden states [B * T, d], before the final norm. */
function hidden(
  backend: Backend,
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor2D,
  recompute = false,
): Tensor2D {
  const { tf } = backend
  const [batch, length] = ids.shape
  const place = placeOf(tf, config, batch, length)
  let x = gatherRows(tf, at(parameters, 'model.embed_tokens.weight') as unknown as Tensor2D, ids.flatten())
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`
    if (!recompute) x = block(tf, config, parameters, name, x, place)
    else {
      x = recomputed(tf, x, withPrefix(parameters, name), (input, weights) =>
        block(tf, config, weights, name, input, placeOf(tf, config, batch, length)),
      )
    }
  }
  return x
}

/** A layer's parameters, and the scale that all layers share. */
function withPrefix(parameters: Parameters, name: string): Parameters {
  return Object.fromEntries(
    Object.entries(parameters).filter(([key]) => key.startsWith(`${name}.`) || key === loraScale),
  )
}

function block(
  tf: TensorFlow,
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor2D,
  place: Place,
): Tensor2D {
  const norm = (y: Tensor2D, which: string): Tensor2D =>
    rmsNorm(tf, y, at(parameters, `${name}.${which}_layernorm.weight`), config.normEpsilon)
  const attended = x.add<Tensor2D>(attention(tf, config, parameters, name, norm(x, 'input'), place))
  return attended.add(feedForward(tf, config, parameters, name, norm(attended, 'post_attention')))
}

function project(backend: Backend, config: DecoderConfig, parameters: Parameters, x: Tensor2D): Tensor2D {
  const { tf } = backend
  const normed = rmsNorm(tf, x, at(parameters, 'model.norm.weight'), config.normEpsilon)
  const head = config.tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'
  return linear(tf, normed, at(parameters, head))
}

interface Place {
  readonly batch: number
  readonly length: number
  readonly rope: Rope
  readonly mask: Tensor
}

function placeOf(tf: TensorFlow, config: DecoderConfig, batch: number, length: number): Place {
  return { batch, length, rope: ropeTables(tf, config, length), mask: causalMask(tf, length) }
}

/** Grouped-query attention over [B * T, d]; softmax(q k' / sqrt(D) + mask) v, then the output projection. */
function attention(
  tf: TensorFlow,
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor2D,
  { batch, length, rope, mask }: Place,
): Tensor2D {
  const { heads, kvHeads, headDim } = config
  const [q, k, v] = projections(tf, config, parameters, name, x)
  const split = (y: Tensor2D, count: number): Tensor4D => y.reshape([batch, length, count, headDim])
  const turned = (y: Tensor2D, count: number): Tensor4D =>
    rotate(tf, split(y, count), rope).transpose([0, 2, 1, 3])
  // Query heads of one group stand under each other, so that keys and values are never repeated.
  const [pairs, group] = [batch * kvHeads, heads / kvHeads]
  const queries = turned(q, heads)
    .mul(1 / Math.sqrt(headDim))
    .reshape([pairs, group * length, headDim])
  const keys = turned(k, kvHeads).reshape([pairs, length, headDim])
  const values = split(v, kvHeads).transpose([0, 2, 1, 3]).reshape([pairs, length, headDim])
  const scores = tf.matMul(queries, keys, false, true).reshape([pairs, group, length, length]).add(mask)
  const weights = tf.softmax(scores).reshape([pairs, group * length, length])
  const mixed = tf
    .matMul(weights, values)
    .reshape([batch, heads, length, headDim])
    .transpose([0, 2, 1, 3])
    .reshape([batch * length, heads * headDim])
  return dense(tf, parameters, `${name}.self_attn.o_proj`, mixed as Tensor2D)
}
