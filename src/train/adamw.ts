import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import type { Backend } from '../nn/backend.ts'
import type { Parameters } from '../nn/network.ts'
import type { Weight } from '../nn/safetensors.ts'

/** AdamW's numbers. Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2. */
export interface AdamWOptions {
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  /** Decoupled decay, of matrices only: norms and biases are not decayed. */
  readonly weightDecay: number
  /** Global gradient norm is scaled down to this; 0 is off. */
  readonly clipNorm: number
}

export interface AdamW {
  /** One update at 1-based `step`, by gradients of this global norm, by variable name. */
  apply(gradients: NamedTensorMap, norm: number, step: number, learningRate: number): void
  /** Both moments of every parameter, as `m.<name>` and `v.<name>`. */
  state(): Promise<Map<string, Weight>>
  dispose(): void
}

/** AdamW over a decoder's parameters, from zero moments or from those of a checkpoint. */
export function adamW(
  { tf }: Backend,
  parameters: Parameters,
  options: AdamWOptions,
  from?: ReadonlyMap<string, Weight>,
): AdamW {
  const moment = (kind: 'm' | 'v', name: string, like: Variable): Variable => {
    const saved = savedMoment(from, `${kind}.${name}`, like.shape)
    return tf.tidy(() =>
      tf.variable(saved === null ? tf.zerosLike(like) : tf.tensor(saved.data, like.shape), false),
    )
  }
  const slots = Object.entries(parameters).map(([name, variable]) => ({
    name,
    variable,
    m: moment('m', name, variable),
    v: moment('v', name, variable),
  }))
  const { beta1, beta2, epsilon, weightDecay, clipNorm } = options

  return {
    apply: (gradients, norm, step, learningRate) => {
      const scale = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1
      const [correct1, correct2] = [1 / (1 - beta1 ** step), 1 / (1 - beta2 ** step)]
      for (const { variable, m, v } of slots) {
        tf.tidy(() => {
          const gradient = (gradients[variable.name] as Tensor).mul(scale)
          m.assign(m.mul(beta1).add(gradient.mul(1 - beta1)))
          v.assign(v.mul(beta2).add(gradient.square().mul(1 - beta2)))
          const update = m.mul(correct1).div(v.mul(correct2).sqrt().add(epsilon))
          const decay = variable.rank >= 2 ? learningRate * weightDecay : 0
          variable.assign(variable.mul(1 - decay).sub(update.mul(learningRate)))
        })
      }
    },
    state: async () => {
      const weights = new Map<string, Weight>()
      for (const { name, m, v } of slots) {
        weights.set(`m.${name}`, { shape: m.shape, data: Float32Array.from(await m.data()) })
        weights.set(`v.${name}`, { shape: v.shape, data: Float32Array.from(await v.data()) })
      }
      return weights
    },
    dispose: () => {
      for (const { m, v } of slots) tf.dispose([m, v])
    },
  }
}

function savedMoment(
  from: ReadonlyMap<string, Weight> | undefined,
  name: string,
  shape: readonly number[],
): Weight | null {
  if (from === undefined) return null
  const saved = from.get(name)
  if (saved !== undefined && saved.shape.join() === shape.join()) return saved
  throw new FulcrumError(
    'train',
    `The checkpoint's optimizer.safetensors has ${saved === undefined ? 'no' : 'a misshapen'} ${name}`,
    'Delete that checkpoint folder; the run goes on from the start.',
  )
}

/** Length of all gradients as one vector, over the whole batch. */
export async function globalNorm({ tf }: Backend, gradients: NamedTensorMap): Promise<number> {
  const norm = tf.tidy(() =>
    tf.addN(Object.values(gradients).map((gradient) => gradient.square().sum().asScalar())).sqrt(),
  )
  const [value] = await norm.data()
  norm.dispose()
  return value as number
}
