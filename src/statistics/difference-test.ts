import { type Beta, logPredictive } from './beta.ts'
import { type Estimate, type Interval, share } from './estimate.ts'

/** One side of a comparison: Bernoulli trials with what was expected of them from other data, or a known probability. */
export type Side = number | (Estimate & { readonly expected: Beta })

/** Log of the e-value against "the two probabilities differ by `most` at most", nats. A mixture likelihood over the
 *  largest likelihood the hypothesis allows: Robbins 1970 (Annals of Mathematical Statistics 41:1397) for the mixture,
 *  Wasserman, Ramdas and Balakrishnan 2020 (arXiv:1912.11436, section 8) for the maximum. Its mean is at most 1 under the
 *  hypothesis at every stopping time, whatever decided how many trials either side got, if the decision saw only the past. */
export function differenceEvidence(a: Side, b: Side, most: number): number {
  const gap = probability(a) - probability(b)
  return logMixture(a) + logMixture(b) - largest(a, b, Math.min(most, Math.max(-most, gap)))
}

/** Confidence sequence of p_a - p_b: what {@link differenceEvidence} does not reject. It holds the truth at all times at
 *  once with probability 1 - alpha. With b = 0 it is the sequence of one mean. */
export function differenceSequence(a: Side, b: Side, alpha = 0.05): Interval {
  const centre = probability(a) - probability(b)
  const floor = logMixture(a) + logMixture(b) + Math.log(alpha)
  const reach = (edge: number): number => {
    let [inside, outside] = [centre, edge]
    if (largest(a, b, edge) >= floor) return edge
    for (let step = 0; step < 40; step++) {
      const middle = (inside + outside) / 2
      if (largest(a, b, middle) >= floor) inside = middle
      else outside = middle
    }
    return outside
  }
  const [lowest, highest] = [lowestOf(a) - highestOf(b), highestOf(a) - lowestOf(b)]
  return { low: reach(lowest), high: reach(highest) }
}

const lowestOf = (side: Side): number => (typeof side === 'number' ? side : 0)
const highestOf = (side: Side): number => (typeof side === 'number' ? side : 1)

const probability = (side: Side): number =>
  typeof side === 'number' ? side : side.trials === 0 ? 0.5 : share(side)

const logMixture = (side: Side): number => (typeof side === 'number' ? 0 : logPredictive(side.expected, side))

/** Largest log-likelihood with p_a - p_b = gap; concave along that line. */
function largest(a: Side, b: Side, gap: number): number {
  let low = Math.max(lowestOf(b), lowestOf(a) - gap)
  let high = Math.min(highestOf(b), highestOf(a) - gap)
  const at = (p: number): number => logLikelihood(a, p + gap) + logLikelihood(b, p)
  // Golden section, both inner points fresh each time: 40 steps leave 1e-8 of the line.
  for (let step = 0; step < 40 && high > low; step++) {
    const [left, right] = [low + 0.382 * (high - low), high - 0.382 * (high - low)]
    if (at(left) < at(right)) low = left
    else high = right
  }
  return Math.max(at(low), at(high))
}

function logLikelihood(side: Side, probability: number): number {
  if (typeof side === 'number') return 0
  const p = Math.min(1, Math.max(0, probability))
  const failures = side.trials - side.successes
  const successes = side.successes === 0 ? 0 : side.successes * Math.log(p)
  return successes + (failures === 0 ? 0 : failures * Math.log1p(-p))
}
