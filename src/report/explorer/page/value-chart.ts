import type { NodeFigures, TraceDetail } from '../embedded.ts'
import { s } from './elements.ts'
import { counted, decimal } from './figures.ts'

const [left, width, top, height, trunk] = [34, 956, 12, 170, 256]

export interface ValueChart {
  readonly element: SVGElement
  select(node: number): void
}

/** The success probability along the trace, and below it the tree of rollouts: the trace as its trunk, and a branch for every place
 *  where some left it, upward for those that came out right. */
export function valueChart(detail: TraceDetail, chosen: (node: number) => void): ValueChart {
  const length = Math.max(1, detail.tokens.length)
  const x = (node: number): number => left + (node / length) * width
  const cursor = s('line', { class: 'cursor', y1: top, y2: 312 })
  const reached = detail.nodes.filter(([, , trials]) => trials > 0)
  const element = s(
    'svg',
    {
      class: 'values',
      viewBox: '0 0 1000 326',
      role: 'img',
      'aria-label': `Success probability along ${counted(length, 'token')}, and where rollouts left the trace`,
    },
    ...closed(detail, x),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((p) => [
      s('line', { class: 'tick', x1: left, x2: left + width, y1: y(p), y2: y(p) }),
      s('text', { x: left - 6, y: y(p) + 4, 'text-anchor': 'end' }, decimal(p)),
    ]),
    ...reached.map(([node, , , low, high]) =>
      s('line', { class: 'whisker', x1: x(node), x2: x(node), y1: y(low), y2: y(high) }),
    ),
    s('polyline', {
      class: 'mean',
      points: reached.map((of) => `${x(of[0]).toFixed(1)},${y(rate(of)).toFixed(1)}`).join(' '),
    }),
    ...reached.map((of) =>
      s('circle', {
        class: of[5] + of[6] > 0 ? 'launched' : 'passed',
        cx: x(of[0]),
        cy: y(rate(of)),
        r: radius(of),
      }),
    ),
    ...jumps(detail, x),
    ...tree(detail, x),
    cursor,
  )
  element.addEventListener('click', (event) => {
    const box = element.getBoundingClientRect()
    const at = (((event.clientX - box.left) / box.width) * 1000 - left) / width
    chosen(Math.min(length - 1, Math.max(0, Math.round(at * length))))
  })
  const select = (node: number): void => {
    cursor.setAttribute('x1', String(x(node)))
    cursor.setAttribute('x2', String(x(node)))
  }
  return { element, select }
}

const y = (p: number): number => top + (1 - p) * height
const rate = ([, successes, trials]: NodeFigures): number => successes / trials
/** By the rollouts launched there, up to 9. */
const radius = ([, , , , , launched, forced]: NodeFigures): number =>
  launched + forced === 0 ? 1.5 : Math.min(9, 2 + Math.sqrt(launched + forced) / 2)

/** Stretches that log-probabilities closed without a rollout. */
function closed({ pruned }: TraceDetail, x: (node: number) => number): SVGElement[] {
  const runs: [from: number, to: number][] = []
  pruned?.forEach((is, i) => {
    const run = runs.at(-1)
    if (is === 0) return
    if (run?.[1] === i) run[1] = i + 1
    else runs.push([i, i + 1])
  })
  return runs.map(([from, to]) =>
    s('rect', { class: 'closed', x: x(from), width: x(to) - x(from), y: top, height }),
  )
}

function jumps({ pivots, positions }: TraceDetail, x: (node: number) => number): SVGElement[] {
  if (positions !== null) return []
  return pivots.map(({ position, span, before, after, delta, confirmed }) =>
    s('line', {
      ...{ class: `jump ${delta > 0 ? 'rise' : 'fall'}${confirmed ? '' : ' doubtful'}` },
      ...{ x1: x(position), x2: x(position + span), y1: y(before), y2: y(after) },
    }),
  )
}

function tree({ branches, tokens }: TraceDetail, x: (node: number) => number): SVGElement[] {
  if (branches.length === 0) return []
  const leaving = new Map<number, [right: number, wrong: number]>()
  for (const { at, successes, trials } of branches) {
    const sums = leaving.get(at) ?? [0, 0]
    leaving.set(at, [sums[0] + successes, sums[1] + trials - successes])
  }
  const most = Math.max(1, ...[...leaving.values()].flat())
  const stem = (node: number, count: number, way: 'rise' | 'fall'): SVGElement[] => {
    if (count === 0) return []
    const reach = (8 + 42 * Math.sqrt(count / most)) * (way === 'rise' ? -1 : 1)
    const path = `M${x(node).toFixed(1)} ${trunk} q 1 ${(reach * 0.6).toFixed(1)} 7 ${reach.toFixed(1)}`
    return [
      s('path', {
        class: `stem ${way}`,
        d: path,
        'stroke-width': (1 + 5 * Math.sqrt(count / most)).toFixed(1),
      }),
    ]
  }
  return [
    s('line', { class: 'trunk', x1: left, x2: x(tokens.length), y1: trunk, y2: trunk }),
    ...[...leaving].flatMap(([node, [right, wrong]]) => [
      ...stem(node, right, 'rise'),
      ...stem(node, wrong, 'fall'),
    ]),
    s('text', { x: left, y: 322 }, 'rollouts that left the trace: up came out right, down wrong'),
  ]
}
