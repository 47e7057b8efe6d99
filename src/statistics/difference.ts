import { type Estimate, type Interval, share, wilson } from './estimate.ts'

/** Interval of p_after - p_before from independent samples: Newcombe 1998 (Statistics in Medicine 17:873), method 10. */
export function differenceInterval(before: Estimate, after: Estimate, z?: number): Interval {
  const [p, q] = [share(before), share(after)]
  const [b, a] = [wilson(before, z), wilson(after, z)]
  return {
    low: q - p - Math.hypot(q - a.low, b.high - p),
    high: q - p + Math.hypot(a.high - q, p - b.low),
  }
}
