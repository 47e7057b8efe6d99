import type { Estimate, Interval } from './estimate.ts'

/** A belief about a probability: Beta(a, b). */
export interface Beta {
  readonly a: number
  readonly b: number
}

/** The belief after more trials. */
export const updated = ({ a, b }: Beta, { successes, trials }: Estimate): Beta => ({
  a: a + successes,
  b: b + trials - successes,
})

/** Log-probability of a given order of successes and failures under the belief, nats: the Beta-Bernoulli mixture. */
export function logPredictive(belief: Beta, estimate: Estimate): number {
  const after = updated(belief, estimate)
  return logBeta(after.a, after.b) - logBeta(belief.a, belief.b)
}

/** Equal-tailed interval of a probability under the belief. With Beta(1/2, 1/2) updated by trials it is Jeffreys'
 *  interval (Brown, Cai and DasGupta 2001, section 3.1.3). */
export function betaInterval({ a, b }: Beta, level = 0.95): Interval {
  const tail = (1 - level) / 2
  return { low: quantile(a, b, tail), high: quantile(a, b, 1 - tail) }
}

/** Bisection: monotone, and never the bottleneck. */
function quantile(a: number, b: number, probability: number): number {
  let [low, high] = [0, 1]
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2
    if (cumulative(a, b, middle) < probability) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Regularised incomplete beta function, by its continued fraction (DLMF 8.17.22) evaluated from the far end. */
function cumulative(a: number, b: number, x: number): number {
  if (x > (a + 1) / (a + b + 2)) return 1 - cumulative(b, a, 1 - x)
  let fraction = 0
  for (let m = 200; m >= 1; m--) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    fraction = even / (1 + odd / (1 + fraction))
  }
  const first = (-(a + b) * x) / (a + 1)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a
  return front / (1 + first / (1 + fraction))
}

const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/** Stirling's series after shifting the argument above 8 (DLMF 5.11.1); absolute error under 1e-12. */
function logGamma(x: number): number {
  let [shifted, product] = [x, 1]
  while (shifted < 8) product *= shifted++
  const inverse = 1 / (shifted * shifted)
  const series =
    (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / shifted
  return (
    (shifted - 0.5) * Math.log(shifted) - shifted + Math.log(2 * Math.PI) / 2 + series - Math.log(product)
  )
}
