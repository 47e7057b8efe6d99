import type { Tensor, Tensor1D, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs'
import type { TensorFlow } from './backend.ts'
import type { DecoderConfig } from './config.ts'

/** The decoder's tensors by Hugging Face name, [out, in]; variables, so that gradients can be taken. */
export type Parameters = Readonly<Record<string, Variable>>

/** Queries, keys and values of x [N, in], each [N, heads * D]. */
export function projections(
  tf: TensorFlow,
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor2D,
): [Tensor2D, Tensor2D, Tensor2D] {
  const { heads, kvHeads, headDim, architecture, attentionBias } = config
  if (architecture === 'phi3') {
    const fused = dense(tf, parameters, `${name}.self_attn.qkv_proj`, x)
    return tf.split(fused, [heads * headDim, kvHeads * headDim, kvHeads * headDim], 1) as [
      Tensor2D,
      Tensor2D,
      Tensor2D,
    ]
  }
  const one = (which: 'q' | 'k' | 'v'): Tensor2D => {
    const y = dense(tf, parameters, `${name}.self_attn.${which}_proj`, x)
    return attentionBias ? y.add(at(parameters, `${name}.self_attn.${which}_proj.bias`)) : y
  }
  return [one('q'), one('k'), one('v')]
}

/** SwiGLU: down(silu(gate(x)) * up(x)). Shazeer 2020 (arXiv:2002.05202). */
export function feedForward(
  tf: TensorFlow,
  config: DecoderConfig,
  parameters: Parameters,
  name: string,
  x: Tensor2D,
): Tensor2D {
  const down = (y: Tensor2D): Tensor2D => dense(tf, parameters, `${name}.mlp.down_proj`, y)
  if (config.architecture === 'phi3') {
    const fused = dense(tf, parameters, `${name}.mlp.gate_up_proj`, x)
    const [gate, up] = tf.split(fused, 2, 1) as [Tensor2D, Tensor2D]
    return down(swiGlu(tf, gate, up))
  }
  const gate = dense(tf, parameters, `${name}.mlp.gate_proj`, x)
  const up = dense(tf, parameters, `${name}.mlp.up_proj`, x)
  return down(swiGlu(tf, gate, up))
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
export function rmsNorm(tf: TensorFlow, x: Tensor2D, weight: Variable, epsilon: number): Tensor2D {
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

export interface Rope {
  /** [1, T, 1, D] each. */
  readonly cos: Tensor
  readonly sin: Tensor
  /** [D, D]: y @ turn is rotate-half of y, as one dense product. */
  readonly turn: Tensor2D
}

/** RoPE angles position / theta^(2i/R) over the first R = rotaryShare * D dimensions, Hugging Face's rotate-half layout. */
export function ropeTables(tf: TensorFlow, config: DecoderConfig, length: number): Rope {
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

export function rotate(tf: TensorFlow, y: Tensor4D, { cos, sin, turn }: Rope): Tensor4D {
  const turned = tf.matMul(y.reshape([-1, turn.shape[0]]), turn).reshape(y.shape)
  return y.mul(cos).add(turned.mul(sin))
}

/** [1, 1, T, T]: 0 where a position may look, a large negative elsewhere. */
export function causalMask(tf: TensorFlow, length: number): Tensor {
  const mask = new Float32Array(length * length)
  for (let i = 0; i < length; i++) mask.fill(-1e9, i * length + i + 1, (i + 1) * length)
  return tf.tensor(mask, [1, 1, length, length])
}

/** x [N, in] times weight [out, in], transposed. */
export function linear(tf: TensorFlow, x: Tensor2D, weight: Variable): Tensor2D {
  return tf.matMul(x, weight, false, true)
}

/** Name, in {@link Parameters}, of the factor alpha / rank of low-rank additions; a scalar that is not trained. */
export const loraScale = 'lora_scale'

/** x [N, in] through a module's weight, and through its low-rank addition where it has one:
 *  x W' + alpha / rank (x A') B'. Hu et al. 2021 (arXiv:2106.09685), section 4.1. */
export function dense(tf: TensorFlow, parameters: Parameters, module: string, x: Tensor2D): Tensor2D {
  const y = linear(tf, x, at(parameters, `${module}.weight`))
  const [a, b] = [parameters[`${module}.lora_A.weight`], parameters[`${module}.lora_B.weight`]]
  if (a === undefined || b === undefined) return y
  return y.add(linear(tf, linear(tf, x, a), b).mul(at(parameters, loraScale)))
}

/** Rows of a [R, d] table. Its gradient is a scatter that adds up repeated rows: the wasm backend lacks the
 *  segment sum tfjs would use. */
export function gatherRows(tf: TensorFlow, table: Tensor2D, indices: Tensor1D): Tensor2D {
  const fused = tf.customGrad((x, save) => {
    const shape = (x as Tensor2D).shape
    ;(save as (tensors: Tensor[]) => void)([indices])
    return {
      value: tf.gather(x as Tensor2D, indices),
      gradFunc: (dy: Tensor, [saved]: Tensor[]) =>
        tf.tidy(() => tf.scatterND((saved as Tensor1D).expandDims(1), dy, shape)),
    }
  })
  return fused(table)
}

/** log softmax(logits)[n, targets[n]], as one fused operation with gradient (onehot - softmax) * dy. */
export function pickLogProbs(tf: TensorFlow, scores: Tensor2D, targets: Tensor1D): Tensor1D {
  const fused = tf.customGrad((x, save) => {
    const values = x as Tensor2D
    const logSum = tf.logSumExp(values, 1, true)
    const places = tf.stack([tf.range(0, values.shape[0], 1, 'int32'), targets], 1)
    const value = tf.gatherND(values, places).sub(logSum.as1D())
    ;(save as (tensors: Tensor[]) => void)([values, logSum, targets])
    return {
      value,
      gradFunc: (dy: Tensor, [saved, total, wanted]: Tensor[]) =>
        tf.tidy(() => {
          const logits = saved as Tensor2D
          const oneHot = tf.oneHot(wanted as Tensor1D, logits.shape[1]).toFloat()
          return oneHot.sub(tf.exp(logits.sub(total as Tensor))).mul(dy.reshape([-1, 1]))
        }),
    }
  })
  return fused(scores) as Tensor1D
}

/** A parameter by name; the checkpoint was checked when it was loaded. */
export function at(parameters: Parameters, name: string): Variable {
  return parameters[name] as Variable
}
