import type { Estimate, Interval } from './estimate.ts'

/** Central posterior interval of a share under Jeffreys' prior, Beta(1/2, 1/2); 95 % unless told. At 0 or all successes
 *  the end there is 0 or 1 (Brown, Cai and DasGupta 2001, section 3). */
export function jeffreys({ successes, trials }: Estimate, mass = 0.95): Interval {
  if (trials === 0) return { low: 0, high: 1 }
  const [a, b] = [successes + 0.5, trials - successes + 0.5]
  const tail = (1 - mass) / 2
  return {
    low: successes === 0 ? 0 : betaQuantile(tail, a, b),
    high: successes === trials ? 1 : betaQuantile(1 - tail, a, b),
  }
}

/** Probability that a Beta(a, b) variable is at most x: the regularised incomplete beta function, by the continued fraction
 *  of DLMF 8.17.22 evaluated with Lentz's method. */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  // The fraction converges fast left of the mean; the other side is the mirror image.
  if (x > (a + 1) / (a + b + 2)) return 1 - betaBelow(1 - x, b, a)
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a
  return front / fraction(x, a, b)
}

/** Where betaBelow reaches `mass`, by halving. */
export function betaQuantile(mass: number, a: number, b: number): number {
  let [low, high] = [0, 1]
  for (let halving = 0; halving < 60; halving++) {
    const middle = (low + high) / 2
    if (betaBelow(middle, a, b) < mass) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** Logarithm of the beta function, nats. */
export const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/** Lanczos 1964 with g = 7 and nine terms (Godfrey's coefficients): 15 digits for x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x)
  const terms = [
    676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905,
    -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  const sum = terms.reduce((total, term, i) => total + term / (x + i), 0.99999999999980993)
  const t = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum)
}

function fraction(x: number, a: number, b: number): number {
  const tiny = 1e-300
  let [f, c, d] = [1, 1, 0]
  for (let i = 1; i < 400; i++) {
    const m = i >> 1
    const term =
      i % 2 === 0
        ? (m * (b - m) * x) / ((a + i - 1) * (a + i))
        : (-(a + m) * (a + b + m) * x) / ((a + i - 1) * (a + i))
    d = 1 / (1 + term * d || tiny)
    c = 1 + term / c || tiny
    f *= c * d
    if (Math.abs(1 - c * d) < 1e-15) break
  }
  return f
}
