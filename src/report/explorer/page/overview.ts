import type { Counts, ExplorerIndex } from '../embedded.ts'
import { h } from './elements.ts'
import { counted, whole } from './figures.ts'
import { filterForm, type Filters, isListed, passing } from './filters.ts'
import { histogram } from './histogram.ts'
import { type Listed, traceList } from './trace-list.ts'

export interface Overview {
  readonly element: HTMLElement
  /** Numbers of the traces that are listed now, in their order. */
  readonly listed: () => readonly number[]
}

/** The first page: figures, changes, filters, traces. */
export function overview({ name, note, counts, traces }: ExplorerIndex): Overview {
  const list = traceList()
  const chart = h('div')
  const status = h('p', { class: 'soft', 'aria-live': 'polite' })
  let listed: readonly Listed[] = []
  const show = (filters: Filters | null): void => {
    listed = traces
      .map((line, number) => ({
        number,
        line,
        marks: filters === null ? line.pivots : passing(line, filters),
      }))
      .filter(({ line }) => filters === null || isListed(line, filters))
    const marks = listed.flatMap((one) => one.marks)
    chart.replaceChildren(histogram(marks.map(([, delta]) => delta)))
    status.textContent = `${counted(listed.length, 'trace')} of ${whole(traces.length)} with ${counted(marks.length, 'pivotal token')}, largest change first`
    list.show(listed)
  }
  const element = h(
    'div',
    {},
    h('header', {}, h('h1', {}, name), h('p', {}, note)),
    tiles(counts),
    ...(traces.length < counts.traces
      ? [
          h(
            'p',
            { class: 'soft' },
            `In this page: the ${whole(traces.length)} traces with the largest changes, of ${whole(counts.traces)}.`,
          ),
        ]
      : []),
    filterForm(show),
    h('h2', {}, 'Changes of the success probability'),
    h('figure', {}, chart, h('figcaption', {}, 'Pivotal tokens that pass the filters, by change.')),
    h('h2', {}, 'Traces'),
    status,
    list.element,
    h(
      'p',
      { class: 'soft keys' },
      'Keys: / search · ↑ ↓ move · Enter open · j k next, previous trace · Esc back',
    ),
  )
  show(null)
  return { element, listed: () => listed.map(({ number }) => number) }
}

function tiles({ traces, pivots, confirmed, pairs, tokens, pruned, rollouts }: Counts): HTMLElement {
  const tile = (value: string, label: string, more: string): HTMLElement =>
    h('div', { class: 'tile' }, h('b', {}, value), label, h('br'), h('small', {}, more))
  const density =
    tokens === null ? '' : ` · ${((confirmed / Math.max(1, tokens)) * 1000).toFixed(1)} in 1,000 tokens`
  const each = (confirmed / Math.max(1, traces)).toFixed(2)
  const cells = [
    tile(whole(traces), 'traces', tokens === null ? '' : counted(tokens, 'token')),
    tile(whole(pivots), 'pivotal tokens', 'found by the search, confirmed or not'),
    tile(whole(confirmed), 'confirmed', `on fresh rollouts · ${each} a trace${density}`),
    tile(whole(pairs), 'certified pairs', 'disjoint 95 % intervals'),
  ]
  if (rollouts !== null) {
    const { search, confirm, pair } = rollouts
    const kinds = `${whole(search)} search · ${whole(confirm)} confirm · ${whole(pair)} pair`
    cells.push(tile(whole(search + confirm + pair), 'rollouts', kinds))
  }
  if (pruned !== null && tokens !== null)
    cells.push(
      tile(
        `${((100 * pruned) / Math.max(1, tokens)).toFixed(1)} %`,
        'of tokens pruned',
        'by log-probability, no rollout',
      ),
    )
  return h('div', { class: 'tiles' }, ...cells)
}
