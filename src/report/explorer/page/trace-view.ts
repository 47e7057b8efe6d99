import type { TraceDetail, TraceLine } from '../embedded.ts'
import { factList, pivotCard } from './branches.ts'
import { h } from './elements.ts'
import { counted, decimal, signed, whole } from './figures.ts'
import { launchesOf, valueOf } from './node-figures.ts'
import { nodePanel } from './node-panel.ts'
import { indexOf, tokenStrip } from './token-strip.ts'
import { valueChart } from './value-chart.ts'

/** The page of one trace; `place` says where it stands in the list. */
export function traceView(line: TraceLine, detail: TraceDetail, place: string): HTMLElement {
  // Datasets from before search_trace do not say where rollouts went.
  const hasNodes = detail.nodes.length > 0
  const panel = h('div', { 'aria-live': 'polite' })
  const choose = (token: number): void => {
    strip.select(token)
    chart.select(token)
    if (hasNodes) panel.replaceChildren(nodePanel(detail, token))
  }
  const strip = tokenStrip(detail, choose)
  const chart = valueChart(detail, choose)
  const cards = detail.pivots.map((pivot) =>
    pivotCard(pivot, () => {
      choose(indexOf(detail, pivot.position))
      strip.element.querySelector<HTMLElement>('.chosen')?.focus()
    }),
  )
  const first = detail.pivots.toSorted((a, b) => Math.abs(b.delta) - Math.abs(a.delta))[0]
  choose(first === undefined ? 0 : Math.max(0, indexOf(detail, first.position)))
  return h(
    'div',
    { class: 'view' },
    h('nav', {}, h('a', { href: '#' }, '← all traces'), h('span', { class: 'soft' }, place)),
    h(
      'h1',
      { tabindex: -1 },
      'Trace ',
      h('small', {}, `${counted(line.length, 'token')} · problem ${line.question}`),
    ),
    h('p', { class: 'problem' }, detail.problem),
    detail.answer === null ? null : h('p', { class: 'soft' }, 'Answer: ', h('code', {}, detail.answer)),
    legend(),
    strip.element,
    hasNodes ? h('h2', {}, 'Success probability along the trace') : null,
    hasNodes
      ? h(
          'figure',
          {},
          chart.element,
          h(
            'figcaption',
            {},
            `Dots: ${detail.weighed ? weighedDots : plainDots}; thick: pivotal tokens on fresh rollouts; shaded: closed by log-probabilities alone. Click a place to see its branches.`,
          ),
        )
      : null,
    hasNodes ? h('section', { class: 'card', 'aria-label': 'The chosen place' }, panel) : null,
    h('h2', {}, cards.length === 0 ? 'No pivotal token' : 'Branches at pivotal tokens'),
    ...cards,
    launches(detail, choose),
    h('h2', {}, 'About this trace'),
    h('div', { class: 'card' }, factList([['trace', detail.trace], ...detail.facts])),
  )
}

const plainDots =
  'share of rollouts from there that came out right, larger the more were launched there, pale with fewer than 8; bars: 95 % intervals'
const weighedDots =
  'success probability from there by all rollouts and their log-probabilities, larger the more were launched there, pale where no more is known than from 8; bars: approximate 95 % intervals'

function legend(): HTMLElement {
  const sample = (name: string, text: string): HTMLElement => h('code', { class: name }, text)
  return h(
    'p',
    { class: 'legend' },
    ...[-0.9, -0.5, -0.2].map((delta) => sample(`down${Math.ceil(-delta * 5)}`, signed(delta, 1))),
    ...[0.2, 0.5, 0.9].map((delta) => sample(`up${Math.ceil(delta * 5)}`, signed(delta, 1))),
    sample('up2 unsure', 'not confirmed'),
    sample('hint rising', 'measured only'),
    sample('pruned', 'closed without rollouts'),
    h('span', {}, '← → token, ↑ ↓ pivotal token'),
  )
}

/** The search tree as a table: every place from which rollouts were launched, most first. */
function launches({ nodes, tokens }: TraceDetail, choose: (token: number) => void): HTMLElement | null {
  const launched = nodes.filter((of) => launchesOf(of) > 0).sort((a, b) => launchesOf(b) - launchesOf(a))
  if (launched.length === 0) return null
  const rows = (): HTMLElement[] =>
    launched.map((of) => {
      const [node, , , free, forced] = of
      const value = valueOf(of)
      const place = h('button', { type: 'button', class: 'place' }, whole(node))
      place.addEventListener('click', () => choose(Math.min(node, tokens.length - 1)))
      const cell = (text: string): HTMLElement => h('td', { class: 'n' }, text)
      const text = h('td', { class: 'text' }, tokens.slice(Math.max(0, node - 8), node).join(''))
      return h(
        'tr',
        {},
        h('td', { class: 'n' }, place),
        text,
        cell(whole(free)),
        cell(whole(forced)),
        cell(value === null ? '' : decimal(value)),
      )
    })
  const head = ['before token', 'text before', 'launched', 'forced', 'p'].map((name, i) =>
    h('th', { class: i === 1 ? null : 'n' }, name),
  )
  const body = h('tbody')
  const details = h(
    'details',
    { class: 'card' },
    h('summary', {}, `Where rollouts were launched: ${counted(launched.length, 'place')}`),
    h('div', { class: 'scroll' }, h('table', {}, h('thead', {}, h('tr', {}, ...head)), body)),
  )
  details.addEventListener('toggle', () => {
    if (body.childElementCount === 0) body.append(...rows())
  })
  return details
}
