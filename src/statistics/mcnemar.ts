/** Two-sided exact McNemar test on paired outcomes (McNemar 1947): the probability of a split of the discordant pairs
 *  at least this uneven if both models were equally good. `gained` passed only after, `lost` only before. */
export function mcnemarExact(gained: number, lost: number): number {
  const n = gained + lost
  const less = Math.min(gained, lost)
  if (n === 0) return 1
  let term = -n * Math.log(2)
  let tail = 0
  for (let k = 0; k <= less; k++) {
    tail += Math.exp(term)
    term += Math.log((n - k) / (k + 1))
  }
  return Math.min(1, 2 * tail)
}
