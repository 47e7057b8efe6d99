import type { Interval } from './answer.ts'
import * as balls from './ball.ts'
import { type Context, every } from './context.ts'
import { evaluate } from './evaluate.ts'
import { type Expression, negative, nodesOf, sum } from './expression.ts'
import { NotJudged } from './not-judged.ts'
import { sameValue } from './same-value.ts'
import { ballAt } from './values.ts'

/** Whether two unions of intervals hold the same numbers: both are sorted and joined where they touch. */
export function sameIntervals(a: readonly Interval[], b: readonly Interval[], context: Context): boolean {
  const [x, y] = [joined(a, context), joined(b, context)]
  if (x.length !== y.length) return false
  return every(x, (interval) => {
    const other = y[x.indexOf(interval)]
    if (other === undefined) return false
    return (
      interval.withLow === other.withLow &&
      interval.withHigh === other.withHigh &&
      every([[interval.low, other.low] as const, [interval.high, other.high] as const], ([p, q]) =>
        sameEnd(p, q, context),
      )
    )
  })
}

function sameEnd(a: Expression, b: Expression, { budget }: Context): boolean {
  const [x, y] = [infinityOf(a), infinityOf(b)]
  return x === 0 && y === 0 ? sameValue(a, b, budget) : x === y
}

/** 1 of infinity, -1 of its opposite, 0 of all else. */
function infinityOf(end: Expression): -1 | 0 | 1 {
  const isInfinite = nodesOf(end).some((node) => node.kind === 'constant' && node.name === 'infinity')
  if (!isInfinite) return 0
  return end.kind === 'constant' ? 1 : -1
}

function joined(intervals: readonly Interval[], context: Context): readonly Interval[] {
  if (intervals.length > 20) throw new NotJudged('it has too many intervals')
  for (const { low, high, withLow, withHigh } of intervals)
    if ((withLow && infinityOf(low) !== 0) || (withHigh && infinityOf(high) !== 0))
      throw new NotJudged('an interval in it holds infinity')
  // One interval is compared by its ends, whatever letters are in them.
  if (intervals.length < 2) return intervals
  for (const { low, high, withLow, withHigh } of intervals) {
    const order = orderOf(low, high, context)
    if (order > 0 || (order === 0 && !(withLow && withHigh)))
      throw new NotJudged('an interval in it is empty')
  }
  const sorted = [...intervals].sort(
    (p, q) => orderOf(p.low, q.low, context) || Number(q.withLow) - Number(p.withLow),
  )
  const found: Interval[] = []
  for (const next of sorted) {
    const last = found.at(-1)
    const gap = last === undefined ? 1 : orderOf(next.low, last.high, context)
    if (last === undefined || gap > 0 || (gap === 0 && !next.withLow && !last.withHigh)) {
      found.push(next)
      continue
    }
    const reach = orderOf(next.high, last.high, context)
    const withHigh = reach === 0 ? next.withHigh || last.withHigh : reach > 0 ? next.withHigh : last.withHigh
    found[found.length - 1] = { ...last, high: reach > 0 ? next.high : last.high, withHigh }
  }
  return found
}

/** Below, at or above zero as a lies below, at or above b. */
function orderOf(a: Expression, b: Expression, context: Context): number {
  const [x, y] = [infinityOf(a), infinityOf(b)]
  if (x !== 0 || y !== 0) return x - y
  if (sameValue(a, b, context.budget)) return 0
  const place = {
    point: new Map(),
    scale: { bits: 1024, budget: context.budget },
    roots: new Map(),
    weight: 0,
  }
  const { re, im } = ballAt(evaluate(sum(a, negative(b)), place), place)
  if (im !== null || !balls.excludesZero(re)) throw new NotJudged('an end of an interval is no real number')
  return balls.isPositive(re) ? 1 : -1
}
