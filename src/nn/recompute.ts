import type { Tensor, Tensor2D } from '@tensorflow/tfjs'
import type { TensorFlow } from './backend.ts'
import type { Parameters } from './layers.ts'

/** A layer whose inner values are thrown away after the forward pass and computed again in the backward pass (gradient
 *  checkpointing; Chen et al. 2016, arXiv:1604.06174): only its input is kept. Same numbers, one more forward pass.
 *  `weights` are the layer's own; `layer` must use no tensor but its arguments. */
export function recomputed(
  tf: TensorFlow,
  x: Tensor2D,
  weights: Parameters,
  layer: (x: Tensor2D, weights: Parameters) => Tensor2D,
): Tensor2D {
  const trained = Object.entries(weights).filter(([, { trainable }]) => trainable)
  const run = (input: Tensor, ...rest: Tensor[]): Tensor2D => {
    const replaced = Object.fromEntries(trained.map(([name], i) => [name, rest[i]]))
    return layer(input as Tensor2D, { ...weights, ...(replaced as unknown as Parameters) })
  }
  const fused = tf.customGrad((...all) => {
    const inputs = all.slice(0, -1) as [Tensor, ...Tensor[]]
    ;(all.at(-1) as unknown as (tensors: Tensor[]) => void)(inputs)
    return {
      value: tf.tidy(() => run(...inputs)),
      gradFunc: (dy: Tensor, saved: Tensor[]) => withOwnTape(tf, () => tf.grads(run)(saved, dy)),
    }
  })
  return fused(x, ...trained.map(([, variable]) => variable))
}

/** tfjs forgets the tape of the backward pass under way when another gradient is taken inside it: it is put back. */
function withOwnTape(tf: TensorFlow, take: () => Tensor[]): Tensor[] {
  const { state } = tf.engine()
  const { activeTape } = state
  const gradients = take()
  state.activeTape = activeTape
  return gradients
}
