import type { Beta } from './beta.ts'
import { type Estimate, type Interval, share } from './estimate.ts'

/** Bernoulli trials, with what was expected of them from data before them. Where part of the probability was known, `within`
 *  are its bounds then, and the trials are of where between them it lies. */
export interface Trials extends Estimate {
  readonly expected: Beta
  readonly within?: Interval
}

/** A probability as far as it was measured: known, or by trials; several of them where more became known in between. */
export type Side = number | Trials | readonly Trials[]

/** What all trials of a side make likeliest; the middle of its bounds without any. */
export function probability(side: Side): number {
  const parts = partsOf(side).filter(({ trials }) => trials > 0)
  const { low, high } = boundsOf(side)
  if (parts.length === 0 || high <= low) return (low + high) / 2
  const [only, ...more] = parts as [Trials, ...Trials[]]
  const { low: from, high: to } = { ...whole, ...only.within }
  if (more.length === 0) return Math.min(high, Math.max(low, from + (to - from) * share(only)))
  return likeliest((p) => logLikelihood(side, p), low, high)
}

/** Between what a side lies, whatever its trials say. */
export function boundsOf(side: Side): Interval {
  if (typeof side === 'number') return { low: side, high: side }
  const within = partsOf(side).map((part) => part.within ?? whole)
  const low = Math.max(0, ...within.map((bounds) => bounds.low))
  const high = Math.min(1, ...within.map((bounds) => bounds.high))
  // Bounds of a known value miss each other by rounding.
  return low <= high ? { low, high } : { low: (low + high) / 2, high: (low + high) / 2 }
}

/** How wide a side may still be: trials of a narrow one say as much as many of a wide one. */
export function rangeOf(side: Side): number {
  const { low, high } = boundsOf(side)
  return high - low
}

/** Trials of a side in all; none where it is known. */
export const trialsOf = (side: Side): number => partsOf(side).reduce((sum, { trials }) => sum + trials, 0)

/** Interval between the bounds of a side: the values at which the slope of the log-likelihood is within z of its own standard
 *  errors (Rao's score test); z 1.96 is 95 %. Of trials between the same bounds it is Wilson's; of several parts it gives each the
 *  variance that it has at that value, which a share of them all would understate. */
export function intervalOf(side: Side, z = 1.959963984540054): Interval {
  const bounds = boundsOf(side)
  const centre = probability(side)
  const reach = (edge: number): number => {
    if (isWithin(side, edge, z)) return edge
    let [inside, outside] = [centre, edge]
    for (let step = 0; step < 50; step++) {
      const middle = (inside + outside) / 2
      if (isWithin(side, middle, z)) inside = middle
      else outside = middle
    }
    return outside
  }
  return { low: reach(bounds.low), high: reach(bounds.high) }
}

/** The score test does not reject a value. */
function isWithin(side: Side, value: number, z: number): boolean {
  let [slope, information] = [0, 0]
  for (const { successes, trials, within = whole } of partsOf(side)) {
    const range = Math.max(within.high - within.low, narrowest)
    const p = Math.min(1, Math.max(0, (value - within.low) / range))
    const variance = Math.max(p * (1 - p), leastVariance)
    slope += (successes - trials * p) / (range * variance)
    information += trials / (range ** 2 * variance)
  }
  return slope ** 2 <= z ** 2 * information
}

/** At 0 and 1, so that there only what cannot be is rejected. */
const leastVariance = 1e-15

/** How many trials between these bounds others are worth, and the share of successes that they show there. A trial X between bounds
 *  of range r says low + r X, with a variance in r^2: of narrower ones it takes fewer. */
export function worthAt(
  parts: readonly (Estimate & { readonly within?: Interval })[],
  { low, high }: Interval,
): { readonly mean: number; readonly worth: number } {
  let [weight, moment] = [0, 0]
  for (const { successes, trials, within = whole } of parts) {
    const range = Math.max(within.high - within.low, narrowest)
    weight += trials / range ** 2
    moment += (trials * within.low + range * successes) / range ** 2
  }
  const range = high - low
  if (weight === 0 || range < narrowest) return { mean: 0.5, worth: 0 }
  return { mean: Math.min(1, Math.max(0, (moment / weight - low) / range)), worth: weight * range ** 2 }
}

/** What is known within this is known. */
export const narrowest = 1e-6

export const partsOf = (side: Side): readonly Trials[] =>
  typeof side === 'number' ? [] : 'trials' in side ? [side] : side

/** Log-likelihood of a side's trials, but for a constant. */
export function logLikelihood(side: Side, value: number): number {
  return partsOf(side).reduce((sum, { successes, trials, within = whole }) => {
    const { low, high } = within
    const between = high > low ? (value - low) / (high - low) : 0.5
    const p = Math.min(1, Math.max(0, between))
    const failures = trials - successes
    const ofSuccesses = successes === 0 ? 0 : successes * Math.log(p)
    return sum + ofSuccesses + (failures === 0 ? 0 : failures * Math.log1p(-p))
  }, 0)
}

/** Where a concave function is largest. Golden section, both inner points fresh each time: 40 steps leave 1e-8 of the line. */
export function likeliest(at: (p: number) => number, from: number, to: number): number {
  let [low, high] = [from, to]
  for (let step = 0; step < 40 && high > low; step++) {
    const [left, right] = [low + 0.382 * (high - low), high - 0.382 * (high - low)]
    if (at(left) < at(right)) low = left
    else high = right
  }
  return at(low) > at(high) ? low : high
}

const whole: Interval = { low: 0, high: 1 }
