import type { PivotMark, TraceLine } from '../embedded.ts'
import { h } from './elements.ts'

export interface Filters {
  text: string
  gap: number
  from: number
  to: number
  way: string
  author: string
  confirmed: boolean
  paired: boolean
}

const untouched: Filters = {
  ...{ text: '', gap: 0, from: 0, to: Infinity },
  ...{ way: 'both', author: 'any', confirmed: false, paired: false },
}

/** The pivotal tokens of a trace that pass. */
export const passing = (line: TraceLine, of: Filters): readonly PivotMark[] =>
  line.pivots.filter(
    ([position, delta, confirmed, paired]) =>
      Math.abs(delta) >= of.gap - 1e-9 &&
      position >= of.from &&
      position <= of.to &&
      (of.way === 'both' || delta > 0 === (of.way === 'up')) &&
      (!of.confirmed || confirmed === 1) &&
      (!of.paired || paired === 1),
  )

/** Whether a trace is listed: its question fits, and a pivotal token passes; one without any is listed while nothing is asked of
 *  them. */
export function isListed(line: TraceLine, of: Filters): boolean {
  const wanted = of.text.toLowerCase()
  if (!`${line.question}\n${line.problem}`.toLowerCase().includes(wanted)) return false
  if (of.author !== 'any' && line.onPolicy !== (of.author === 'own')) return false
  const asks = of.gap > 0 || of.from > 0 || of.to < Infinity || of.way !== 'both' || of.confirmed || of.paired
  return asks ? passing(line, of).length > 0 : true
}

/** The form; tells every change. */
export function filterForm(changed: (filters: Filters) => void): HTMLElement {
  const search = h('input', { type: 'search', id: 'search', placeholder: 'words of the problem, or its id' })
  const number = (label: string, more: Record<string, string>): HTMLInputElement =>
    h('input', { type: 'number', 'aria-label': label, min: 0, ...more })
  const gap = number('least change', { max: '1', step: '.05', placeholder: '0' })
  const [from, to] = [
    number('first position', { placeholder: '0' }),
    number('last position', { placeholder: 'end' }),
  ]
  const way = choice([
    ['both', 'up or down'],
    ['up', 'up only'],
    ['down', 'down only'],
  ])
  const author = choice([
    ['any', 'anyone'],
    ['own', 'the policy (on-policy)'],
    ['teacher', 'a teacher (off-policy)'],
  ])
  const [confirmed, paired] = [h('input', { type: 'checkbox' }), h('input', { type: 'checkbox' })]
  const tick = (box: HTMLElement, label: string): HTMLElement => h('label', { class: 'tick' }, box, label)
  const form = h(
    'form',
    { class: 'filters card', role: 'search', 'aria-label': 'Filters' },
    h('label', { class: 'wide' }, 'Question', search),
    h('label', {}, 'Change at least', gap),
    h('label', {}, 'Direction', way),
    h('label', {}, 'Position', h('span', { class: 'span' }, from, '–', to)),
    h('label', {}, 'Written by', author),
    h('div', { class: 'ticks' }, tick(confirmed, 'confirmed'), tick(paired, 'certified pair')),
    h('button', { type: 'reset' }, 'Clear'),
  )
  const read = (): Filters => ({
    ...{ text: search.value.trim(), gap: Number(gap.value), from: Number(from.value) },
    to: to.value === '' ? Infinity : Number(to.value),
    ...{ way: way.value, author: author.value, confirmed: confirmed.checked, paired: paired.checked },
  })
  form.addEventListener('input', () => changed(read()))
  form.addEventListener('submit', (event) => event.preventDefault())
  form.addEventListener('reset', () => changed({ ...untouched }))
  return form
}

function choice(options: readonly (readonly [value: string, label: string])[]): HTMLSelectElement {
  return h('select', {}, ...options.map(([value, label]) => h('option', { value }, label)))
}
