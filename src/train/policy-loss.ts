import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs'
import type { TensorFlow } from '../nn/backend.ts'

/** Which standard deviation a group is divided by: of the group (n), or estimated from it (n - 1). */
export type Deviation = 'population' | 'sample'

/** Advantages of a group's rewards, (reward - mean) / deviation, or null where all rewards are equal: such a group
 *  teaches nothing. Shao et al. 2024 (arXiv:2402.03300), section 4.1.2; no epsilon is added to the deviation. */
export function groupAdvantages(rewards: readonly number[], deviation: Deviation): readonly number[] | null {
  if (rewards.every((reward) => reward === rewards[0])) return null
  const mean = rewards.reduce((a, b) => a + b, 0) / rewards.length
  const squares = rewards.reduce((sum, reward) => sum + (reward - mean) ** 2, 0)
  const by = Math.sqrt(squares / (deviation === 'population' ? rewards.length : rewards.length - 1))
  return rewards.map((reward) => (reward - mean) / by)
}

export interface PolicyLossOptions {
  /** The ratio counts down to 1 - clipLow and up to 1 + clipHigh. */
  readonly clipLow: number
  readonly clipHigh: number
  /** Weight of the KL divergence from the reference. */
  readonly klWeight: number
  /** Weight of the entropy bonus. */
  readonly entropyWeight: number
}

/** Completion tokens of several responses, one behind the other; every tensor is [N], log-probabilities are nats. */
export interface PolicyTokens {
  readonly logProbs: Tensor1D
  /** Under the policy that drew them: a constant. */
  readonly old: Tensor1D
  /** Under the reference: a constant; null without a KL term. */
  readonly reference: Tensor1D | null
  /** Of the policy's whole distribution at each place, nats. */
  readonly entropy: Tensor1D
  /** Its response's advantage. */
  readonly advantages: Tensor1D
  /** What a token counts in the sum over policy and KL terms: 1 / (responses * its response's tokens) for a mean of
   *  response means (DeepSeekMath), 1 / tokens for a mean over tokens. */
  readonly weights: Tensor1D
  /** What a token counts in the entropy bonus, a mean over tokens. */
  readonly entropyWeights: Tensor1D
}

/** GRPO's loss and what a log shows of it, summed with the tokens' weights; scalars.
 *  loss = -sum w (min(r A, clip(r) A) - klWeight k3) - entropyWeight sum u H, with r = exp(logProb - old) and
 *  k3 = exp(d) - d - 1, d = reference - logProb (Schulman 2020). DeepSeekMath eq. 3 and 4. */
export function policyLoss(
  tf: TensorFlow,
  of: PolicyTokens,
  { clipLow, clipHigh, klWeight, entropyWeight }: PolicyLossOptions,
): { loss: Scalar; kl: Scalar; entropy: Scalar; clipped: Scalar } {
  const ratio = tf.exp(of.logProbs.sub(of.old))
  const free = ratio.mul(of.advantages)
  const held = ratio.clipByValue(1 - clipLow, 1 + clipHigh).mul(of.advantages)
  const gain = tf.minimum(free, held)
  const away = of.reference?.sub(of.logProbs)
  const k3 = away === undefined ? tf.zerosLike(gain) : tf.exp(away).sub(away).sub(1)
  const total = (values: Tensor, weights: Tensor): Scalar => values.mul(weights).sum().asScalar()
  const kl = total(k3, of.weights)
  const entropy = total(of.entropy, of.entropyWeights)
  const loss = kl.mul(klWeight).sub(total(gain, of.weights)).sub<Scalar>(entropy.mul(entropyWeight))
  return { loss, kl, entropy, clipped: total(tf.less(held, free).toFloat(), of.entropyWeights) }
}

/** Entropy [N] of softmax(logits) [N, V], nats, as one fused operation: dH/dx = -p (log p + H). */
export function entropyOf(tf: TensorFlow, logits: Tensor2D): Tensor1D {
  const fused = tf.customGrad((x, save) => {
    const logShares = tf.sub(x as Tensor2D, tf.logSumExp(x as Tensor2D, 1, true))
    const entropy = tf.exp(logShares).mul(logShares).sum(1).neg()
    ;(save as (tensors: Tensor[]) => void)([logShares, entropy])
    return {
      value: entropy,
      gradFunc: (dy: Tensor, [saved, H]: Tensor[]) =>
        tf.tidy(() => {
          const log = saved as Tensor2D
          const slope = tf.exp(log).mul(log.add((H as Tensor1D).expandDims(1)))
          return slope.mul(dy.expandDims(1)).neg()
        }),
    }
  })
  return fused(logits) as Tensor1D
}
