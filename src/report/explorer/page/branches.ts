import type { Fact, PivotDetail, Side } from '../embedded.ts'
import { h } from './elements.ts'
import { counted, decimal, range, shade, signed, signedRange, visible, whole } from './figures.ts'
import { continuations, estimateBar } from './node-panel.ts'

/** A pivotal token with both ways on, and answers that took them. */
export function pivotCard(pivot: PivotDetail, show: () => void): HTMLElement {
  const {
    position,
    context,
    token,
    before,
    after,
    delta,
    low,
    high,
    confirmed,
    paired,
    facts,
    better,
    worse,
  } = pivot
  const place = h('button', { type: 'button', class: 'place' }, `token ${whole(position)}`)
  place.addEventListener('click', show)
  const doubt = confirmed ? 'confirmed' : 'not confirmed'
  return h(
    'article',
    { id: `pivot-${position}` },
    h(
      'h3',
      {},
      h('code', { class: `${shade(delta)}${confirmed ? '' : ' unsure'}` }, visible(token)),
      ` ${decimal(before)} → ${decimal(after)} `,
      h(
        'small',
        {},
        `change ${signed(delta)} ${signedRange(low, high)} · ${doubt}${paired ? ' · certified pair' : ''} · `,
      ),
      place,
    ),
    h('p', { class: 'context' }, '…', visible(context), h('mark', {}, visible(token))),
    h('div', { class: 'sides' }, sideOf(better, paired, true), sideOf(worse, paired, false)),
    factList(facts),
  )
}

function sideOf(side: Side | null, paired: boolean, better: boolean): HTMLElement | null {
  if (side === null) return null
  const { token, which, p, low, high, logprob, examples } = side
  const role = paired ? (better ? 'accepted' : 'rejected') : better ? 'better' : 'worse'
  const owner = { own: ', the trace’s own', other: '', others: '' }[which]
  const name =
    which === 'others'
      ? h('i', {}, 'any other token')
      : h('code', { class: better ? 'up3' : 'down3' }, visible(token))
  const chance = logprob === null ? '' : ` · taken ${decimal(Math.exp(logprob), 3)}`
  return h(
    'section',
    { class: better ? 'better' : 'worse' },
    h('h4', {}, `${role}${owner} `, name),
    h(
      'div',
      { class: 'way' },
      estimateBar(p, low, high),
      h('span', {}, `${decimal(p)} `, h('small', {}, `${range(low, high)} ${basisOf(side)}${chance}`)),
    ),
    examples.length === 0
      ? h('p', { class: 'soft' }, 'No continuation in this dataset.')
      : continuations(examples),
  )
}

/** What a share rests on: rollouts, or answers seen, whose probabilities are exact, and rollouts of the rest. */
function basisOf({ trials, known }: Side): string {
  if (known === null || known === 0) return `of ${whole(trials)}`
  if (known === 1) return '· known exactly'
  const rest = counted(trials, 'fresh rollout')
  return known === 'untold'
    ? `· ${rest} besides answers seen`
    : `· ${known > 0.995 ? 'over .99' : decimal(known)} of it known exactly, ${rest} of the rest`
}

/** Names and values. */
export function factList(facts: readonly Fact[]): HTMLElement {
  return h(
    'dl',
    { class: 'facts' },
    ...facts.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))),
  )
}
