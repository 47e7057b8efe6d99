import type { NodeFigures, TraceDetail } from '../embedded.ts'
import { counted, decimal, range, whole, wilson } from './figures.ts'

/** Most often every node is there, in order. */
export const nodeAt = ({ nodes }: TraceDetail, at: number): NodeFigures | undefined =>
  nodes[at]?.[0] === at ? nodes[at] : nodes.find(([node]) => node === at)

export const valueOf = (of: NodeFigures | undefined): number | null => of?.[5] ?? null

/** Rollouts launched from a node, forced or not. */
export const launchesOf = ([, , , launched, forced]: NodeFigures): number => launched + forced

/** Whether less is known of a node than so many rollouts tell: fewer have reached it, or its interval is wider than that of as
 *  many, half of them right. */
export function isVague(detail: TraceDetail, of: NodeFigures, rollouts: number): boolean {
  const [, , trials, , , value, low, high] = of
  if (!detail.weighed || value === null) return trials < rollouts
  const least = wilson(rollouts / 2, rollouts)
  return high - low > least.high - least.low
}

/** `.60 [.39, .78]` */
export const estimateOf = (of: NodeFigures | undefined): string => {
  const value = valueOf(of)
  return of === undefined || value === null ? '?' : `${decimal(value)} ${range(of[6], of[7])}`
}

/** A node in one line. */
export function describeNode(detail: TraceDetail, at: number): string {
  const of = nodeAt(detail, at)
  const place = `before token ${whole(at)}: ${estimateOf(of)}`
  return of === undefined ? place : `${place}; ${counted(of[2], 'rollout')} reached it`
}
