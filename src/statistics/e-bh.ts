/** Which hypotheses e-BH rejects at false discovery rate q: the k largest e-values, for the largest k whose k-th e-value
 *  is at least m / (q k). Wang and Ramdas 2022 (arXiv:2009.02824, section 3): valid under any dependence. */
export function eBenjaminiHochberg(logEValues: readonly number[], q: number): readonly boolean[] {
  const m = logEValues.length
  const sorted = logEValues.toSorted((a, b) => b - a)
  const k = sorted.findLastIndex((value, i) => value >= Math.log(m / (q * (i + 1)))) + 1
  return logEValues.map((value) => k > 0 && value >= (sorted[k - 1] as number))
}
