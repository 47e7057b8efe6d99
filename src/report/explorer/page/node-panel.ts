import type { Branch, Example, TraceDetail } from '../embedded.ts'
import { h, s } from './elements.ts'
import { counted, decimal, range, visible, whole, wilson } from './figures.ts'

/** What is known of the node before token `at`: how often answers come out right from there, and by which tokens rollouts went on. */
export function nodePanel(detail: TraceDetail, at: number): HTMLElement {
  const { tokens, nodes, branches } = detail
  const here = nodes.find(([node]) => node === at)
  const context = tokens.slice(Math.max(0, at - 16), at).join('')
  const figures =
    here === undefined || here[2] === 0
      ? 'No rollout has reached this place along the trace.'
      : `Right in ${decimal(here[1] / here[2])} ${range(here[3], here[4])} of ${counted(here[2], 'rollout')} from here; ${whole(here[5] + here[6])} launched here${here[6] > 0 ? `, ${whole(here[6])} of them kept from the trace's token` : ''}.`
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

function waysOn(
  { tokens, nodes, logprobs }: TraceDetail,
  at: number,
  branches: readonly Branch[],
): HTMLElement {
  const next = nodes.find(([node]) => node === at + 1)
  const logprob = logprobs?.[at]
  const note = `the trace${logprob === undefined ? '' : `, p ${decimal(Math.exp(logprob), 3)}`}`
  const own = next === undefined || next[2] === 0 ? [] : [way(tokens[at] ?? '', note, next[1], next[2], [])]
  const others = branches.map(({ token, successes, trials, forced, examples }) =>
    way(
      token,
      forced > 0 ? `left the trace, ${whole(forced)} forced` : 'left the trace',
      successes,
      trials,
      examples,
    ),
  )
  if (own.length + others.length === 0) return h('p', { class: 'soft' }, 'No rollout went on from here.')
  return h('div', { class: 'ways' }, ...own, ...others)
}

function way(
  token: string,
  note: string,
  successes: number,
  trials: number,
  examples: readonly Example[],
): HTMLElement {
  const { low, high } = wilson(successes, trials)
  const line = [
    h('code', {}, visible(token)),
    estimateBar(successes / trials, low, high),
    h(
      'span',
      {},
      `${decimal(successes / trials)} `,
      h('small', {}, `${range(low, high)} of ${whole(trials)} · ${note}`),
    ),
  ]
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
