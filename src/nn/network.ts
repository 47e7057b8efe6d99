import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Variable } from '@tensorflow/tfjs'
import type { Backend, TensorFlow } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { DecoderConfig } from './config.ts'
import type { Weight } from './safetensors.ts'

/** The decoder's tensors by Hugging Face name, [out, in]; variables, so that gradients can be taken. */
export type Parameters = Readonly<Record<string, Variable>>

/** Copies a checkpoint's weights to the backend. */
export function toParameters({ tf }: Backend, checkpoint: Checkpoint): Parameters {
  const entries = [...checkpoint.weights].map(([name, { shape, data }]) => [
    name,
    tf.tidy(() => tf.variable(tf.tensor(data, [...shape], 'float32'), true)),
  ])
  return Object.fromEntries(entries) as Parameters
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

/** Logits [N, V] at chosen places of ids [B, T]; `rows` are indices b * T + t, [N] int32. Differentiable. */
export function logitsAt(
  backend: Backend,
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor2D,
  rows: Tensor1D,
): Tensor2D {
  const { tf } = backend
  return tf.tidy(() =>
    project(backend, config, parameters, gatherRows(tf, hidden(backend, config, parameters, ids), rows)),
  )
}

/** Log-probabilities [N] of `targets` [N] at places `rows` [N] of ids [B, T], nats. Differentiable. */
export function logProbsAt(
  backend: Backend,
  config: DecoderConfig,
  parameters: Parameters,
  ids: Tensor2D,
  rows: Tensor1D,
  targets: Tensor1D,
): Tensor1D {
  const { tf } = backend
  return tf.tidy(() => pickLogProbs(tf, logitsAt(backend, config, parameters, ids, rows), targets))
}

/** log softmax(logits)[n, targets[n]], as one fused operation with gradient (onehot - softmax) * dy. */
function pickLogProbs(tf: TensorFlow, scores: Tensor2D, targets: Tensor1D): Tensor1D {
  const fused = tf.customGrad((x, save) => {
    const values = x as Tensor2D
    const logSoftmax = tf.sub(values, tf.logSumExp(values, 1, true))
    const wanted = tf.oneHot(targets, values.shape[1]).toFloat()
    const value = logSoftmax.mul(wanted).sum(1)
    ;(save as (tensors: Tensor[]) => void)([logSoftmax, wanted])
    return {
      value,
      gradFunc: (dy: Tensor, [saved, oneHot]: Tensor[]) =>
        tf.tidy(() => tf.mul(dy.reshape([-1, 1]), tf.sub(oneHot as Tensor, tf.exp(saved as Tensor)))),
    }
  })
  return fused(scores) as Tensor1D
}

/** Last hidden states [B * T, d], before the final norm. */
function hidden(backend: Backend, config: DecoderConfig, parameters: Parameters, ids: Tensor2D): Tensor2D {
  const { tf } = backend
  const [batch, length] = ids.shape
  const rope = ropeTables(tf, config, length)
  const mask = causalMask(tf, length)
  let x = gatherRows(tf, at(parameters, 'model.embed_tokens.weight') as unknown as Tensor2D, ids.flatten())
  for (let layer = 0; layer < config.layers; layer++) {
    const name = `model.layers.${layer}`
    const normed = rmsNorm(tf, x, at(parameters, `${name}.input_layernorm.weight`), config.normEpsilon)
    x = x.add(attention(tf, config, parameters, name, normed, { batch, length, rope, mask }))
    const again = rmsNorm(
      tf,
      x,
      at(parameters, `${name}.post_attention_layernorm.weight`),
      config.normEpsilon,
    )
    x = x.add(feedForward(tf, config, parameters, name, again))
  }
  return x
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
  return linear(tf, mixed as Tensor2D, at(parameters, `${name}.self_attn.o_proj.weight`))
}

function projections(
  tf: TensorFlow,
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor2D,
): [Tensor2D, Tensor2D, Tensor2D] {
  const { heads, kvHeads, headDim, architecture, attentionBias } = config
  if (architecture === 'phi3') {
    const fused = linear(tf, x, at(parameters, `${name}.self_attn.qkv_proj.weight`))
    return tf.split(fused, [heads * headDim, kvHeads * headDim, kvHeads * headDim], 1) as [
      Tensor2D,
      Tensor2D,
      Tensor2D,
    ]
  }
  const one = (which: 'q' | 'k' | 'v'): Tensor2D => {
    const y = linear(tf, x, at(parameters, `${name}.self_attn.${which}_proj.weight`))
    return attentionBias ? y.add(at(parameters, `${name}.self_attn.${which}_proj.bias`)) : y
  }
  return [one('q'), one('k'), one('v')]
}

/** SwiGLU: down(silu(gate(x)) * up(x)). Shazeer 2020 (arXiv:2002.05202). */
function feedForward(
  tf: TensorFlow,
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor2D,
): Tensor2D {
  const down = at(parameters, `${name}.mlp.down_proj.weight`)
  if (config.architecture === 'phi3') {
    const fused = linear(tf, x, at(parameters, `${name}.mlp.gate_up_proj.weight`))
    const [gate, up] = tf.split(fused, 2, 1) as [Tensor2D, Tensor2D]
    return linear(tf, swiGlu(tf, gate, up), down)
  }
  const gate = linear(tf, x, at(parameters, `${name}.mlp.gate_proj.weight`))
  const up = linear(tf, x, at(parameters, `${name}.mlp.up_proj.weight`))
  return linear(tf, swiGlu(tf, gate, up), down)
}

function swiGlu(tf: TensorFlow, gate: Tensor2D, up: Tensor2D): Tensor2D {
  const fused = tf.customGrad((a, b, save) => {
    const [x, y] = [a as Tensor2D, b as Tensor2D]
    const gated = tf.sigmoid(x)
    ;(save as unknown as (tensors: Tensor[]) => void)([x, y, gated])
    return {
      value: x.mul(gated).mul(y),
      gradFunc: (dy: Tensor, [gateIn, upIn, s]: Tensor[]) =>
        tf.tidy(() => {
          const [g, u, sigmoid] = [gateIn as Tensor, upIn as Tensor, s as Tensor]
          const silu = g.mul(sigmoid)
          // d silu = s + silu * (1 - s)
          return [dy.mul(u).mul(sigmoid.add(silu.sub(silu.mul(sigmoid)))), dy.mul(silu)]
        }),
    }
  })
  return fused(gate, up) as Tensor2D
}

/** x / rms(x) * w over the last axis. Zhang and Sennrich 2019 (arXiv:1910.07467). */
function rmsNorm(tf: TensorFlow, x: Tensor2D, weight: Variable, epsilon: number): Tensor2D {
  const fused = tf.customGrad((a, b, save) => {
    const [input, gain] = [a as Tensor2D, b as Tensor1D]
    const scale = tf.rsqrt(input.square().mean(1, true).add(epsilon)) // [N, 1]
    const unit = input.mul(scale)
    ;(save as unknown as (tensors: Tensor[]) => void)([unit, scale, gain])
    return {
      value: unit.mul(gain),
      gradFunc: (dy: Tensor, [savedUnit, savedScale, savedGain]: Tensor[]) =>
        tf.tidy(() => {
          const [u, s] = [savedUnit as Tensor2D, savedScale as Tensor2D]
          const scaled = dy.mul(savedGain as Tensor)
          const along = scaled.mul(u).mean(1, true)
          return [scaled.sub(u.mul(along)).mul(s), dy.mul(u).sum(0)]
        }),
    }
  })
  return fused(x, weight) as Tensor2D
}

interface Rope {
  /** [1, T, 1, D] each. */
  readonly cos: Tensor
  readonly sin: Tensor
  /** [D, D]: y @ turn is rotate-half of y, as one dense product. */
  readonly turn: Tensor2D
}

/** RoPE angles position / theta^(2i/R) over the first R = rotaryShare * D dimensions, Hugging Face's rotate-half layout. */
function ropeTables(tf: TensorFlow, config: DecoderConfig, length: number): Rope {
  const { headDim, ropeTheta } = config
  const rotary = Math.floor(headDim * config.rotaryShare)
  const half = rotary / 2
  const cos = new Float32Array(length * headDim).fill(1)
  const sin = new Float32Array(length * headDim)
  const turn = new Float32Array(headDim * headDim)
  for (let i = 0; i < half; i++) {
    turn[(i + half) * headDim + i] = -1
    turn[i * headDim + i + half] = 1
    for (let position = 0; position < length; position++) {
      const angle = position / ropeTheta ** ((2 * i) / rotary)
      for (const j of [i, i + half]) {
        cos[position * headDim + j] = Math.cos(angle)
        sin[position * headDim + j] = Math.sin(angle)
      }
    }
  }
  const shape: [number, number, number, number] = [1, length, 1, headDim]
  return {
    cos: tf.tensor(cos, shape),
    sin: tf.tensor(sin, shape),
    turn: tf.tensor2d(turn, [headDim, headDim]),
  }
}

function rotate(tf: TensorFlow, y: Tensor4D, { cos, sin, turn }: Rope): Tensor4D {
  const turned = tf.matMul(y.reshape([-1, turn.shape[0]]), turn).reshape(y.shape)
  return y.mul(cos).add(turned.mul(sin))
}

/** [1, 1, T, T]: 0 where a position may look, a large negative elsewhere. */
function causalMask(tf: TensorFlow, length: number): Tensor {
  const mask = new Float32Array(length * length)
  for (let i = 0; i < length; i++) mask.fill(-1e9, i * length + i + 1, (i + 1) * length)
  return tf.tensor(mask, [1, 1, length, length])
}

/** x [N, in] times weight [out, in], transposed. */
function linear(tf: TensorFlow, x: Tensor2D, weight: Variable): Tensor2D {
  return tf.matMul(x, weight as unknown as Tensor2D, false, true)
}

/** Rows of a [R, d] table; its gradient is a dense product with the one-hot of the indices, since the wasm
 *  backend has no scatter-add. */
export function gatherRows(tf: TensorFlow, table: Tensor2D, indices: Tensor1D): Tensor2D {
  const fused = tf.customGrad((x, save) => {
    const rows = (x as Tensor2D).shape[0]
    ;(save as (tensors: Tensor[]) => void)([indices])
    return {
      value: tf.gather(x as Tensor2D, indices),
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        tf.tidy(() =>
          tf.matMul(tf.oneHot(saved as Tensor1D, rows).toFloat() as Tensor2D, dy as Tensor2D, true, false),
        ),
    }
  })
  return fused(table) as Tensor2D
}

function at(parameters: Parameters, name: string): Variable {
  return parameters[name] as Variable
}
