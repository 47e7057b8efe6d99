import type { PivotDetail, TraceDetail } from '../embedded.ts'
import { h } from './elements.ts'
import { decimal, shade, signed, signedRange, visible, whole } from './figures.ts'
import { estimateOf, isVague, nodeAt, valueOf } from './node-figures.ts'

export interface TokenStrip {
  readonly element: HTMLElement
  select(token: number): void
}

/** What is known on both sides of a token that is tinted without being pivotal, in rollouts. */
const leastTrials = 16

/** The trace, token by token, coloured by the change of the success probability. One stop of the Tab key; then ← → go token by
 *  token, ↑ ↓ from one pivotal token to the next. */
export function tokenStrip(detail: TraceDetail, chosen: (token: number) => void): TokenStrip {
  const tip = h('div', { class: 'tip', role: 'tooltip', hidden: true })
  const spans = detail.tokens.map((text, i) => tokenOf(detail, text, i))
  const strip = h('div', { class: 'trace', role: 'group', 'aria-label': 'Tokens of the trace' }, ...spans)
  const element = h('div', { class: 'strip' }, strip, tip)
  const pivotal = detail.pivots.map(({ position }) => indexOf(detail, position)).sort((a, b) => a - b)
  let current = -1
  const select = (token: number): void => {
    const [was, is] = [spans[current], spans[token]]
    was?.classList.remove('chosen')
    was?.setAttribute('tabindex', '-1')
    is?.classList.add('chosen')
    is?.setAttribute('tabindex', '0')
    current = token
  }
  const numberOf = ({ target }: Event): number => spans.indexOf(target as HTMLSpanElement)
  strip.addEventListener('click', (event) => {
    if (numberOf(event) >= 0) chosen(numberOf(event))
  })
  strip.addEventListener('keydown', (event) => {
    const to = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      ArrowDown: pivotal.find((token) => token > current),
      ArrowUp: pivotal.findLast((token) => token < current),
      Home: 0,
      End: spans.length - 1,
    }[event.key]
    if (to === undefined || spans[to] === undefined) return
    event.preventDefault()
    chosen(to)
    spans[to].focus()
  })
  const tell = (event: Event): void => {
    const span = spans[numberOf(event)]
    tip.hidden = span === undefined
    if (span === undefined) return
    tip.textContent = describe(detail, numberOf(event))
    const [box, place] = [element.getBoundingClientRect(), span.getBoundingClientRect()]
    tip.style.left = `${Math.max(0, Math.min(place.left - box.left, box.width - tip.offsetWidth))}px`
    tip.style.top = `${place.bottom - box.top + 4}px`
  }
  for (const name of ['mouseover', 'focusin']) strip.addEventListener(name, tell)
  for (const name of ['mouseleave', 'focusout']) strip.addEventListener(name, () => (tip.hidden = true))
  return { element, select }
}

/** Where in the tokens a position stands. */
export const indexOf = ({ positions }: TraceDetail, position: number): number =>
  positions === null ? position : positions.indexOf(position)

const pivotAt = ({ pivots, positions }: TraceDetail, token: number): PivotDetail | undefined => {
  const position = positions === null ? token : (positions[token] ?? -1)
  return pivots.find(({ position: from, span }) => position >= from && position < from + span)
}

function tokenOf(detail: TraceDetail, text: string, i: number): HTMLSpanElement {
  const pivot = pivotAt(detail, i)
  const change = pivot === undefined ? measured(detail, i) : null
  const classes =
    pivot !== undefined
      ? `pivot ${shade(pivot.delta)}${pivot.confirmed ? '' : ' unsure'}`
      : change !== null && Math.abs(change) >= 0.05
        ? `hint ${change > 0 ? 'rising' : 'falling'}`
        : detail.pruned?.[i] === 1
          ? 'pruned'
          : ''
  return h(
    'span',
    {
      class: classes,
      tabindex: i === 0 ? 0 : -1,
      'aria-label': pivot === undefined ? null : describe(detail, i),
    },
    visible(text),
  )
}

/** Change between the two nodes at a token, where both are known well: never more than the token's probability allows. */
function measured(detail: TraceDetail, i: number): number | null {
  const [before, after] = [nodeAt(detail, i), nodeAt(detail, i + 1)]
  const [p, q] = [valueOf(before), valueOf(after)]
  if (before === undefined || after === undefined || p === null || q === null) return null
  if (isVague(detail, before, leastTrials) || isVague(detail, after, leastTrials)) return null
  const bound = -Math.expm1(detail.logprobs?.[i] ?? -Infinity)
  return Math.max(-bound, Math.min(bound, q - p))
}

function describe(detail: TraceDetail, i: number): string {
  const pivot = pivotAt(detail, i)
  const logprob = detail.logprobs?.[i]
  const bound =
    logprob === undefined
      ? ''
      : `probability ${decimal(Math.exp(logprob), 3)}: change at most ${decimal(-Math.expm1(logprob))}`
  const sides = sidesOf(detail, i)
  const why = detail.pruned?.[i] === 1 ? 'closed by its log-probability' : ''
  const all = sides === '' ? '' : `all rollouts: ${sides}`
  const told = pivot === undefined ? [sides, bound, why] : [changeOf(pivot), all, bound]
  return told.filter((part) => part !== '').join('; ') || 'no figures'
}

/** What is known before and after a token, and how many rollouts reached either place. */
function sidesOf(detail: TraceDetail, i: number): string {
  if (detail.nodes.length === 0) return ''
  const around = [nodeAt(detail, i), nodeAt(detail, i + 1)]
  const [before, after] = around.map(estimateOf)
  const reached = around.flatMap((of) => (of === undefined ? [] : [whole(of[2])]))
  const end = i + 1 === detail.tokens.length ? 'the end' : after
  return `${before} → ${end}${reached.length === 0 ? '' : `, reached by ${reached.join(' → ')}`}`
}

const changeOf = ({ before, after, delta, low, high, confirmed }: PivotDetail): string =>
  `${decimal(before)} → ${decimal(after)}, change ${signed(delta)} ${signedRange(low, high)}, ${confirmed ? 'confirmed' : 'not confirmed'}`
