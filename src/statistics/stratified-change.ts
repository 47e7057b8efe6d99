import { differenceSequence } from './difference-test.ts'
import type { Interval } from './estimate.ts'
import { probability, type Side } from './side.ts'

/** Change of a success probability by a step that is taken with probability 1 - leave: leave (p_taken - p_not taken),
 *  because p_before is their mixture. Stratified with exact weights (Cochran 1977, Sampling Techniques, section 5.3), so
 *  that |change| <= leave always; the interval is a confidence sequence, valid at every stopping time. Where `leave` is
 *  itself estimated, `within` is its interval, and the wider of the two ends is taken on each side. */
export function stratifiedChange(
  taken: Side,
  notTaken: Side,
  leave: number,
  within: Interval = { low: leave, high: leave },
): { readonly delta: number } & Interval {
  // Two intervals then: each may miss in half of what one may.
  const { low, high } = differenceSequence(taken, notTaken, within.low < within.high ? 0.025 : 0.05)
  return {
    delta: leave * (probability(taken) - probability(notTaken)),
    low: low * (low < 0 ? within.high : within.low),
    high: high * (high > 0 ? within.high : within.low),
  }
}
