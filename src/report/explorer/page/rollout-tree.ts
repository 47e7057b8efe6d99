import type { TraceDetail } from '../embedded.ts'
import { s } from './elements.ts'
import { whole } from './figures.ts'

const trunk = 256
/** With more places the numbers would lie on each other. */
const mostNumbers = 24

/** The trace as a trunk, with a branch wherever rollouts left it: upward those that came out right, downward those that came out
 *  wrong, long and thick as the square root of their number. */
export function rolloutTree(
  { branches, tokens }: TraceDetail,
  x: (node: number) => number,
): readonly SVGElement[] {
  if (branches.length === 0) return []
  const leaving = new Map<number, [right: number, wrong: number]>()
  for (const { at, successes, trials } of branches) {
    const sums = leaving.get(at) ?? [0, 0]
    leaving.set(at, [sums[0] + successes, sums[1] + trials - successes])
  }
  const most = Math.max(...[...leaving.values()].flat())
  const numbered = leaving.size <= mostNumbers
  const steered = branches.some((branch) => branch.steered > 0)
  const note = `rollouts that left the trace${steered ? ' (counts, no shares: kept from answers seen)' : ''}`
  return [
    s('line', { class: 'trunk', x1: x(0), x2: x(tokens.length), y1: trunk, y2: trunk }),
    ...[...leaving].flatMap(([node, [right, wrong]]) => [
      ...stem({ x: x(node), count: right, share: right / most, up: true, numbered }),
      ...stem({ x: x(node), count: wrong, share: wrong / most, up: false, numbered }),
    ]),
    s('text', { x: x(0), y: 336 }, `${note}: up came out right, down wrong`),
  ]
}

interface Stem {
  readonly x: number
  readonly count: number
  readonly share: number
  readonly up: boolean
  readonly numbered: boolean
}

function stem({ x, count, share, up, numbered }: Stem): SVGElement[] {
  if (count === 0) return []
  const reach = (10 + 34 * Math.sqrt(share)) * (up ? -1 : 1)
  const d = `M${x.toFixed(1)} ${trunk} q 2 ${(reach * 0.7).toFixed(1)} 12 ${reach.toFixed(1)}`
  const label = { class: 'soft', x: x + 18, y: trunk + reach + (up ? 2 : 6) }
  return [
    s('path', {
      class: `stem ${up ? 'rise' : 'fall'}`,
      d,
      'stroke-width': (1 + 6 * Math.sqrt(share)).toFixed(1),
    }),
    ...(numbered ? [s('text', label, whole(count))] : []),
  ]
}
