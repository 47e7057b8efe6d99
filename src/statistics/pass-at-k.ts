import type { Estimate } from './estimate.ts'

/** Unbiased estimate of the probability that one of k completions passes, from n >= k of which c pass:
 *  1 - C(n - c, k) / C(n, k). Chen et al. 2021 (arXiv:2107.03374), eq. 1, in the form that does not overflow. */
export function passAtK({ successes, trials }: Estimate, k: number): number {
  if (trials - successes < k) return 1
  let missed = 1
  for (let i = trials - successes + 1; i <= trials; i++) missed *= 1 - k / i
  return 1 - missed
}
