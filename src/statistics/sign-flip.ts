/** Two-sided exact randomisation test of paired differences, whole numbers (Fisher 1935): the probability that their sum
 *  is at least this far from 0 if before and after could be exchanged within every pair. McNemar's exact test where every
 *  difference is -1, 0 or 1. The distribution is built up pair by pair. */
export function signFlipExact(differences: readonly number[]): number {
  const sizes = differences.map(Math.abs).filter((size) => size > 0)
  const most = sizes.reduce((a, b) => a + b, 0)
  const seen = Math.abs(differences.reduce((a, b) => a + b, 0))
  if (seen === 0) return 1
  // Probability of every sum from -most to most.
  let chance = new Float64Array(2 * most + 1)
  chance[most] = 1
  let reach = 0
  for (const size of sizes) {
    const next = new Float64Array(2 * most + 1)
    for (let at = most - reach; at <= most + reach; at++) {
      const half = (chance[at] as number) / 2
      if (half === 0) continue
      next[at - size] = (next[at - size] as number) + half
      next[at + size] = (next[at + size] as number) + half
    }
    chance = next
    reach += size
  }
  let tail = 0
  for (let at = most + seen; at <= 2 * most; at++) tail += chance[at] as number
  return Math.min(1, 2 * tail)
}
