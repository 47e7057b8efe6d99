/** Most pivotal tokens a trace drawn from the sampler has in the mean: V is a martingale that starts at p and ends at 0 or
 *  1, so its squared changes sum to p (1 - p) in the mean, and each pivotal token takes gap squared of that. */
export const mostPivotsExpected = (p: number, gap: number): number => (p * (1 - p)) / gap ** 2
