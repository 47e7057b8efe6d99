import type { Branch, Example, NodeFigures, TraceDetail } from '../embedded.ts'
import { h, s } from './elements.ts'
import { counted, decimal, range, visible, whole, wilson } from './figures.ts'
import { estimateOf, nodeAt, valueOf } from './node-figures.ts'

/** What is known of the node before token `at`: how often answers come out right from there, and by which tokens rollouts went on. */
export function nodePanel(detail: TraceDetail, at: number): HTMLElement {
  const { tokens, branches } = detail
  const context = tokens.slice(Math.max(0, at - 16), at).join('')
  const figures = figuresOf(detail, nodeAt(detail, at))
  return h(
    'div',
    { class: 'node' },
    h('h3', {}, `Before token ${whole(at)}`, h('small', {}, figures)),
    h('p', { class: 'context' }, at > 16 ? '…' : '', visible(context)),
    waysOn(
      detail,
      at,
      branches.filter((branch) => branch.at === at),
    ),
  )
}

function figuresOf({ weighed }: TraceDetail, here: NodeFigures | undefined): string {
  if (here === undefined || valueOf(here) === null)
    return 'No rollout has reached this place along the trace.'
  const [, right, reached, launched, forced] = here
  const ways = `kept from the trace's token${weighed ? ' or after another' : ''}`
  const kept = forced > 0 ? `, ${launched === 0 ? 'all' : `${whole(forced)} of them`} ${ways}` : ''
  const basis = weighed
    ? `, by all rollouts and their log-probabilities. ${counted(reached, 'rollout')} reached this place, ${whole(right)} of them right`
    : ` of ${counted(reached, 'rollout')} from here`
  return `Right in ${estimateOf(here)}${basis}; ${whole(launched + forced)} launched here${kept}.`
}

function waysOn(detail: TraceDetail, at: number, branches: readonly Branch[]): HTMLElement {
  const own = ownWay(detail, at)
  const others = branches.map(otherWay)
  if (own.length + others.length === 0) return h('p', { class: 'soft' }, 'No rollout went on from here.')
  return h('div', { class: 'ways' }, ...own, ...others)
}

function ownWay(detail: TraceDetail, at: number): HTMLElement[] {
  const next = nodeAt(detail, at + 1)
  const value = valueOf(next)
  if (next === undefined || value === null) return []
  const logprob = detail.logprobs?.[at]
  const chance = logprob === undefined ? '' : `, p ${decimal(Math.exp(logprob), 3)}`
  const [, , reached, , , , low, high] = next
  const basis = detail.weighed ? `· ${whole(reached)} reached it` : `of ${whole(reached)}`
  return [way(detail.tokens[at] ?? '', shareOf(value, low, high), `${basis} · the trace${chance}`, [])]
}

/** Of rollouts that were kept from answers seen here, only counts can be told. */
function otherWay({ token, successes, trials, forced, steered, examples }: Branch): HTMLElement {
  const { low, high } = wilson(successes, trials)
  if (steered > 0) {
    const counts = `${whole(successes)} of ${whole(trials)} right`
    const note = `counts, no share: ${whole(steered)} kept from answers seen · left the trace`
    return way(token, [h('b', {}, counts), h('span')], note, examples)
  }
  const note = `of ${whole(trials)} · left the trace${forced > 0 ? `, ${whole(forced)} forced` : ''}`
  return way(token, shareOf(successes / trials, low, high), note, examples)
}

const shareOf = (p: number, low: number, high: number): readonly [Element, Element] => [
  estimateBar(p, low, high),
  h('span', {}, `${decimal(p)} `, h('small', {}, `${range(low, high)} `)),
]

function way(
  token: string,
  [figure, told]: readonly [Element, Element],
  note: string,
  examples: readonly Example[],
): HTMLElement {
  told.append(h('small', {}, note))
  const line = [h('code', {}, visible(token)), figure, told]
  if (examples.length === 0) return h('div', { class: 'way' }, ...line)
  return h('details', { class: 'way' }, h('summary', {}, ...line), continuations(examples))
}

/** A share with its interval on an axis from 0 to 1. */
export function estimateBar(p: number, low: number, high: number): SVGElement {
  const x = (value: number): number => 4 + value * 112
  return s(
    'svg',
    { class: 'bar', viewBox: '0 0 120 14', 'aria-hidden': 'true' },
    s('line', { class: 'tick', x1: 4, x2: 116, y1: 7, y2: 7 }),
    s('line', { class: 'whisker', x1: x(low), x2: x(high), y1: 7, y2: 7 }),
    s('circle', { class: p >= 0.5 ? 'rise' : 'fall', cx: x(p), cy: 7, r: 4 }),
  )
}

/** Answers as rollouts went on, each with its verdict. */
export function continuations(examples: readonly Example[]): HTMLElement {
  const items = examples.map(([correct, text]) =>
    h(
      'li',
      {},
      h(
        'span',
        { class: `verdict ${correct === 1 ? 'right' : 'wrong'}` },
        correct === 1 ? '✓ right' : '✗ wrong',
      ),
      h('span', { class: 'text' }, visible(text)),
    ),
  )
  return h('ul', { class: 'continuations' }, ...items)
}
