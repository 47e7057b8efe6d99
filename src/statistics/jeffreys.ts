import { betaInterval, updated } from './beta.ts'
import type { Estimate, Interval } from './estimate.ts'

/** Jeffreys' prior of a probability. */
export const jeffreysPrior = { a: 0.5, b: 0.5 }

/** Central 95 % interval of a share under Jeffreys' prior. Without any success it begins at 0, without any failure it ends
 *  at 1 (Brown, Cai and DasGupta 2001, section 3.1.3). */
export function jeffreys(estimate: Estimate): Interval {
  const { low, high } = betaInterval(updated(jeffreysPrior, estimate))
  const { successes, trials } = estimate
  return { low: successes === 0 ? 0 : low, high: successes === trials ? 1 : high }
}
