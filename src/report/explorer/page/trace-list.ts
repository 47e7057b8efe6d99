import type { PivotMark, TraceLine } from '../embedded.ts'
import { h, s } from './elements.ts'
import { counted, shade, signed, whole } from './figures.ts'

/** A trace of the list, with those of its pivotal tokens that pass the filters. */
export interface Listed {
  readonly number: number
  readonly line: TraceLine
  readonly marks: readonly PivotMark[]
}

export interface TraceList {
  readonly element: HTMLElement
  show(listed: readonly Listed[]): void
}

const rowHeight = 64

/** A list that draws the rows in sight only; arrow keys go from row to row. */
export function traceList(): TraceList {
  const rows = h('div', { class: 'rows' })
  const element = h('div', { class: 'list card', role: 'list', 'aria-label': 'Traces' }, rows)
  let all: readonly Listed[] = []
  const draw = (): void => {
    const first = Math.max(0, Math.floor(element.scrollTop / rowHeight) - 4)
    const last = Math.ceil((element.scrollTop + (element.clientHeight || 640)) / rowHeight) + 4
    const focused = document.activeElement?.getAttribute('href')
    rows.replaceChildren(...all.slice(first, last).map((one, i) => rowOf(one, first + i, all.length)))
    if (focused?.startsWith('#trace/') === true) focus(rows, focused)
  }
  element.addEventListener('scroll', draw, { passive: true })
  element.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    const from = all.findIndex(
      ({ number }) => `#trace/${number}` === document.activeElement?.getAttribute('href'),
    )
    const next = step === undefined || from < 0 ? undefined : all[from + step]
    if (next === undefined || step === undefined) return
    event.preventDefault()
    const top = (from + step) * rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight
    draw()
    focus(rows, `#trace/${next.number}`)
  })
  const show = (listed: readonly Listed[]): void => {
    all = listed
    rows.style.height = `${all.length * rowHeight}px`
    element.scrollTop = 0
    draw()
  }
  return { element, show }
}

const focus = (rows: HTMLElement, href: string): void =>
  rows.querySelector<HTMLElement>(`a[href="${href}"]`)?.focus({ preventScroll: true })

function rowOf({ number, line, marks }: Listed, place: number, size: number): HTMLElement {
  const best = marks.reduce((most, [, delta]) => (Math.abs(delta) > Math.abs(most) ? delta : most), 0)
  const pairs = marks.filter(([, , , paired]) => paired === 1).length
  const facts = [
    marks.length === 0 ? 'no pivotal token' : counted(marks.length, 'pivotal token'),
    ...(pairs > 0 ? [counted(pairs, 'pair')] : []),
    counted(line.length, 'token'),
    ...(line.rollouts === null ? [] : [counted(line.rollouts, 'rollout')]),
    ...(line.onPolicy === false ? ['off-policy'] : []),
  ]
  const row = h(
    'a',
    { class: 'row', href: `#trace/${number}` },
    h('span', { class: `change ${best === 0 ? 'none' : shade(best)}` }, best === 0 ? '·' : signed(best)),
    h(
      'span',
      { class: 'about' },
      h('span', { class: 'line' }, line.problem.replace(/\s+/g, ' ')),
      h('small', { class: 'line' }, facts.join(' · ')),
    ),
    barcode(line, marks),
  )
  const item = h(
    'div',
    { class: 'item', role: 'listitem', 'aria-setsize': size, 'aria-posinset': place + 1 },
    row,
  )
  item.style.transform = `translateY(${place * rowHeight}px)`
  return item
}

/** Where in the trace its pivotal tokens stand. */
function barcode({ length }: TraceLine, marks: readonly PivotMark[]): SVGElement {
  const x = (position: number): string => ((position / Math.max(1, length)) * 156 + 1).toFixed(1)
  const bars = marks.map(([position, delta]) => {
    const height = 4 + Math.abs(delta) * 12
    const y = delta > 0 ? 16 - height : 16
    return s('rect', { class: delta > 0 ? 'rise' : 'fall', x: x(position), width: 3, y, height })
  })
  const label = `pivotal tokens at ${marks.map(([position]) => whole(position)).join(', ')}`
  return s(
    'svg',
    {
      class: 'barcode',
      viewBox: '0 0 160 32',
      role: 'img',
      'aria-label': marks.length === 0 ? 'none' : label,
    },
    s('line', { class: 'tick', x1: 0, x2: 160, y1: 16, y2: 16 }),
    ...bars,
  )
}
