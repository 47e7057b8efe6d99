/** A share with the trials it came from. Never pass a bare float where an estimate is meant. */
export interface Estimate {
  readonly successes: number
  readonly trials: number
}

export interface Interval {
  readonly low: number
  readonly high: number
}

/** Successes over trials; NaN without trials. */
export function share({ successes, trials }: Estimate): number {
  return successes / trials
}

/** Wilson score interval of a binomial share (Wilson 1927); z 1.96 is 95 %. [0, 1] without trials. */
export function wilson({ successes, trials }: Estimate, z = 1.959963984540054): Interval {
  if (trials === 0) return { low: 0, high: 1 }
  const p = successes / trials
  const z2 = z * z
  const centre = p + z2 / (2 * trials)
  const spread = z * Math.sqrt((p * (1 - p)) / trials + z2 / (4 * trials * trials))
  const scale = 1 + z2 / trials
  return {
    low: successes === 0 ? 0 : (centre - spread) / scale,
    high: successes === trials ? 1 : (centre + spread) / scale,
  }
}
