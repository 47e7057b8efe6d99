import { logPredictive } from './beta.ts'
import type { Interval } from './estimate.ts'
import { boundsOf, likeliest, logLikelihood, partsOf, probability, type Side } from './side.ts'

/** Log of the e-value against "the two probabilities differ by `most` at most", nats. A mixture likelihood over the
 *  largest likelihood the hypothesis allows: Robbins 1970 (Annals of Mathematical Statistics 41:1397) for the mixture,
 *  Wasserman, Ramdas and Balakrishnan 2020 (arXiv:1912.11436, section 8) for the maximum. Its mean is at most 1 under the
 *  hypothesis at every stopping time, whatever decided how many trials either side got, if the decision saw only the past.
 *  Infinite where the bounds alone exclude the hypothesis. */
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
  const [ofA, ofB] = [boundsOf(a), boundsOf(b)]
  return { low: reach(ofA.low - ofB.high), high: reach(ofA.high - ofB.low) }
}

const logMixture = (side: Side): number =>
  partsOf(side).reduce((sum, part) => sum + logPredictive(part.expected, part), 0)

/** Bounds that miss each other by rounding alone meet. */
const rounding = 1e-12

/** Largest log-likelihood with p_a - p_b = gap; concave along that line. None where the bounds exclude it. */
function largest(a: Side, b: Side, gap: number): number {
  const [ofA, ofB] = [boundsOf(a), boundsOf(b)]
  const low = Math.max(ofB.low, ofA.low - gap)
  const high = Math.min(ofB.high, ofA.high - gap)
  if (low > high + rounding) return -Infinity
  const at = (p: number): number => logLikelihood(a, p + gap) + logLikelihood(b, p)
  return at(likeliest(at, low, high))
}
