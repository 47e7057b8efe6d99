import type { Tensor1D } from '@tensorflow/tfjs'
import type { TensorFlow } from '../nn/backend.ts'

/** DPO loss, one value a pair: -log sigmoid(beta * ((chosen - chosenReference) - (rejected - rejectedReference))).
 *  Rafailov et al. 2023 (arXiv:2305.18290), eq. 7; with label smoothing e it is (1 - e) of that and e of the loss with the
 *  sides exchanged. Log-probabilities are summed over completion tokens, in nats; every tensor is [B]. `margin` is the
 *  argument of the sigmoid. */
export function dpoLoss(
  tf: TensorFlow,
  chosen: Tensor1D,
  rejected: Tensor1D,
  chosenReference: Tensor1D,
  rejectedReference: Tensor1D,
  { beta, labelSmoothing }: { readonly beta: number; readonly labelSmoothing: number },
): { loss: Tensor1D; margin: Tensor1D } {
  const margin = chosen.sub(chosenReference).sub(rejected.sub(rejectedReference)).mul<Tensor1D>(beta)
  // softplus(-m) = -log sigmoid(m), without overflow; softplus(m) = softplus(-m) + m.
  return { loss: tf.softplus(margin.neg()).add(margin.mul(labelSmoothing)), margin }
}
