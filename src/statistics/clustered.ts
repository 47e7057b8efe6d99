import { type Interval, wilson } from './estimate.ts'

/** Interval of a mean of values in [0, 1], one a problem, each from several draws that go together: Wilson's at the
 *  effective number of trials p (1 - p) / Var(mean) (Kish 1965; so do Korn and Graubard 1998 with another interval).
 *  Equal to Wilson's where every value is 0 or 1. `trials` are all draws: the effective number is never higher. */
export function clusteredInterval(values: readonly number[], trials: number, z?: number): Interval {
  const n = values.length
  const mean = values.reduce((a, b) => a + b, 0) / n
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / n
  const spread = mean * (1 - mean)
  // Without any spread between problems nothing is known of it: a problem counts once.
  const effective = variance === 0 ? n : Math.min(trials, (n * spread) / variance)
  return wilson({ successes: mean * effective, trials: effective }, z)
}

/** Mean of paired differences with its interval, normal over the pairs. */
export function pairedDifference(
  differences: readonly number[],
  z = 1.959963984540054,
): { mean: number; interval: Interval } {
  const n = differences.length
  const mean = differences.reduce((a, b) => a + b, 0) / n
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  const error = z * Math.sqrt(squares / Math.max(1, n - 1) / n)
  return { mean, interval: { low: mean - error, high: mean + error } }
}
