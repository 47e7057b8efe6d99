import { type Estimate, type Interval, share, wilson } from './estimate.ts'
import { intervalOf, probability, type Side } from './side.ts'

/** Interval of p_after - p_before from independent samples: Newcombe 1998 (Statistics in Medicine 17:873), method 10. */
export function differenceInterval(before: Estimate, after: Estimate, z?: number): Interval {
  return newcombe({ p: share(before), ...wilson(before, z) }, { p: share(after), ...wilson(after, z) })
}

/** The same where part of either may be known: 95 %, from the intervals of both. */
export const sidesInterval = (before: Side, after: Side): Interval =>
  newcombe({ p: probability(before), ...intervalOf(before) }, { p: probability(after), ...intervalOf(after) })

interface Point extends Interval {
  readonly p: number
}

const newcombe = (before: Point, after: Point): Interval => ({
  low: after.p - before.p - Math.hypot(after.p - after.low, before.high - before.p),
  high: after.p - before.p + Math.hypot(after.high - after.p, before.p - before.low),
})
