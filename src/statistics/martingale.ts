/** Most pivotal tokens a trace drawn from the sampler has in the mean: V is a martingale that starts at p and ends at 0 or
 *  1, so its squared changes sum to p (1 - p) in the mean, and each pivotal token takes gap squared of that. */
export const mostPivotsExpected = (p: number, gap: number): number => (p * (1 - p)) / gap ** 2

/** Whether squared changes, summed over independent traces drawn from the sampler, are more than chance can make of their
 *  bound, the sum of p (1 - p). A change d to the value v leaves v (1 - v) of squared changes to come in the mean, so the squared sum S
 *  of a trace has E S^2 = E sum d^2 (d^2 + 2 v (1 - v)) <= E S, since |d| <= max(v, 1 - v): the variance of the whole sum is the
 *  bound at most. Two standard deviations are for chance, a tenth for what estimates of changes vary by. */
export const exceedsMartingale = (squaredChange: number, bound: number): boolean =>
  squaredChange > bound + Math.max(0.1 * bound, 2 * Math.sqrt(bound))
