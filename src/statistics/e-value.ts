import type { Estimate } from './estimate.ts'

/** E-value against "both samples have one success probability": its mean is at most 1 if they have, so a value of e or
 *  more comes up with probability 1/e at most. Turner, Ly and Grünwald 2024 (Generic E-variables for exact sequential
 *  k-sample tests that allow for optional stopping), the two-sample Bernoulli case, one block. The expected
 *  probabilities, in (0, 1), must come from other data than the two samples. */
export function equalSharesEValue(
  [a, b]: readonly [Estimate, Estimate],
  [expectedA, expectedB]: readonly [number, number],
): number {
  const trials = a.trials + b.trials
  const common = (a.trials * expectedA + b.trials * expectedB) / trials
  return trials === 0 ? 1 : Math.exp(logRatio(a, expectedA, common) + logRatio(b, expectedB, common))
}

/** Log-likelihood ratio of a sample, nats. */
function logRatio({ successes, trials }: Estimate, expected: number, common: number): number {
  const failures = trials - successes
  return successes * Math.log(expected / common) + failures * Math.log((1 - expected) / (1 - common))
}

/** A share moved off 0 and 1, as an expectation for other data: the mean of its Jeffreys posterior, Beta(1/2, 1/2). */
export const expectedShare = ({ successes, trials }: Estimate): number => (successes + 0.5) / (trials + 1)
