import type { NodeFigures, TraceDetail } from '../embedded.ts'
import { s } from './elements.ts'
import { counted, decimal } from './figures.ts'
import { rolloutTree } from './rollout-tree.ts'

const [left, width, top, height] = [34, 956, 12, 170]
/** With fewer rollouts the share at a node is drawn as noise, and the line passes it by. */
const leastTrials = 8

/** Tokens from which marks of the usual width would cover each other. */
const dense = 250

export interface ValueChart {
  readonly element: SVGElement
  select(node: number): void
}

/** The success probability along the trace, and below it the tree of rollouts: the trace as its trunk, and a branch for every place
 *  where some left it, upward for those that came out right. */
export function valueChart(detail: TraceDetail, chosen: (node: number) => void): ValueChart {
  const length = Math.max(1, detail.tokens.length)
  const x = (node: number): number => left + (node / length) * width
  const cursor = s('line', { class: 'cursor', y1: top, y2: 318 })
  const reached = detail.nodes.filter(([, , trials]) => trials > 0)
  const best = bestEstimates(detail)
  const element = s(
    'svg',
    {
      class: length > dense ? 'values dense' : 'values',
      viewBox: '0 0 1000 342',
      role: 'img',
      'aria-label': `Success probability along ${counted(length, 'token')}, and where rollouts left the trace`,
    },
    ...closed(detail, x),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((p) => [
      s('line', { class: 'tick', x1: left, x2: left + width, y1: y(p), y2: y(p) }),
      s('text', { x: left - 6, y: y(p) + 4, 'text-anchor': 'end' }, decimal(p)),
    ]),
    ...reached.map(([node, , trials, low, high]) =>
      s('line', {
        class: trials < leastTrials ? 'whisker few' : 'whisker',
        x1: x(node),
        x2: x(node),
        y1: y(low),
        y2: y(high),
      }),
    ),
    s('polyline', {
      class: 'mean',
      points: best.map(([node, p]) => `${x(node).toFixed(1)},${y(p).toFixed(1)}`).join(' '),
    }),
    ...reached.map((of) =>
      s('circle', {
        class: `${of[5] + of[6] > 0 ? 'launched' : 'passed'}${of[2] < leastTrials ? ' few' : ''}`,
        cx: x(of[0]),
        cy: y(best.find(([node]) => node === of[0])?.[1] ?? rate(of)),
        r: radius(of),
      }),
    ),
    ...jumps(detail, x),
    ...rolloutTree(detail, x),
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

/** Before and after a pivotal token what its fresh rollouts say, elsewhere the share of those that passed. */
function bestEstimates({ nodes, pivots }: TraceDetail): [node: number, p: number][] {
  const found = new Map(nodes.filter(([, , trials]) => trials >= leastTrials).map((of) => [of[0], rate(of)]))
  for (const { position, span, before, after } of pivots) {
    found.set(position, before)
    found.set(position + span, after)
  }
  return [...found].sort(([a], [b]) => a - b)
}

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
