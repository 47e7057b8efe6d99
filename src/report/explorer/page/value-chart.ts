import type { NodeFigures, TraceDetail } from '../embedded.ts'
import { h, s } from './elements.ts'
import { counted, decimal } from './figures.ts'
import { describeNode, isVague, launchesOf, valueOf } from './node-figures.ts'
import { rolloutTree } from './rollout-tree.ts'

const [left, width, top, height] = [34, 956, 12, 170]
/** Of what is known no better than from so few rollouts the value is drawn as noise, and the line passes it by. */
const leastTrials = 8

/** Tokens from which marks of the usual width would cover each other. */
const dense = 250

export interface ValueChart {
  readonly element: HTMLElement
  select(node: number): void
}

/** The success probability along the trace, and below it the tree of rollouts: the trace as its trunk, and a branch for every place
 *  where some left it, upward for those that came out right. */
export function valueChart(detail: TraceDetail, chosen: (node: number) => void): ValueChart {
  const length = Math.max(1, detail.tokens.length)
  const x = (node: number): number => left + (node / length) * width
  const cursor = s('line', { class: 'cursor', y1: top, y2: 318 })
  const valued = detail.nodes.filter((of) => valueOf(of) !== null)
  const best = bestEstimates(detail, valued)
  const few = (of: NodeFigures): string => (isVague(detail, of, leastTrials) ? ' few' : '')
  const drawing = s(
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
    ...valued.map((of) =>
      s('line', {
        class: `whisker${few(of)}`,
        ...{ x1: x(of[0]), x2: x(of[0]), y1: y(of[6]), y2: y(of[7]) },
      }),
    ),
    s('polyline', {
      class: 'mean',
      points: [...best].map(([node, p]) => `${x(node).toFixed(1)},${y(p).toFixed(1)}`).join(' '),
    }),
    ...valued.map((of) =>
      s('circle', {
        class: `${launchesOf(of) > 0 ? 'launched' : 'passed'}${few(of)}`,
        cx: x(of[0]),
        cy: y(best.get(of[0]) ?? valueOf(of) ?? 0),
        r: radius(launchesOf(of)),
      }),
    ),
    ...jumps(detail, x),
    ...rolloutTree(detail, x),
    cursor,
  )
  const placeOf = ({ clientX }: MouseEvent): number => {
    const box = drawing.getBoundingClientRect()
    const at = (((clientX - box.left) / box.width) * 1000 - left) / width
    return Math.min(length - 1, Math.max(0, Math.round(at * length)))
  }
  drawing.addEventListener('click', (event) => chosen(placeOf(event)))
  const element = withTip(drawing, (event) => describeNode(detail, placeOf(event)))
  const select = (node: number): void => {
    cursor.setAttribute('x1', String(x(node)))
    cursor.setAttribute('x2', String(x(node)))
  }
  return { element, select }
}

const y = (p: number): number => top + (1 - p) * height

/** The drawing, and beside the pointer what is known of the place under it. */
function withTip(drawing: SVGElement, describe: (event: MouseEvent) => string): HTMLElement {
  const tip = h('div', { class: 'tip', role: 'tooltip', hidden: true })
  const element = h('div', { class: 'chart' }, h('div', { class: 'scroll', tabindex: 0 }, drawing), tip)
  drawing.addEventListener('mousemove', (event) => {
    tip.hidden = false
    tip.textContent = describe(event)
    const box = element.getBoundingClientRect()
    tip.style.left = `${Math.max(0, Math.min(event.clientX - box.left + 12, box.width - tip.offsetWidth))}px`
    tip.style.top = `${event.clientY - box.top + 16}px`
  })
  drawing.addEventListener('mouseleave', () => (tip.hidden = true))
  return element
}

/** The values that are not vague; of a plain share its fresh rollouts say more before and after a pivotal token. */
function bestEstimates(detail: TraceDetail, valued: readonly NodeFigures[]): ReadonlyMap<number, number> {
  const clear = valued.filter((of) => !isVague(detail, of, leastTrials))
  const found = new Map(clear.map((of) => [of[0], valueOf(of) ?? 0]))
  for (const { position, span, before, after } of detail.weighed ? [] : detail.pivots) {
    found.set(position, before)
    found.set(position + span, after)
  }
  return new Map([...found].sort(([a], [b]) => a - b))
}

/** By the rollouts launched there, up to 9. */
const radius = (launches: number): number => (launches === 0 ? 1.5 : Math.min(9, 2 + Math.sqrt(launches) / 2))

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
