import type { MatchView, Piece } from '../../store/audit-summary.ts'
import { markup, type Markup } from '../html.ts'
import { whole } from '../measured.ts'
import { percent } from './rates.ts'

/** The gravest matches with both texts side by side. */
export function matchSection(matches: readonly MatchView[]): Markup {
  if (matches.length === 0) return markup``
  const [first, rest] = [matches.slice(0, 12), matches.slice(12)]
  return markup`<h2>Matches</h2>
    <p class="legend">
      <mark class="run13">13 words or more in a row</mark>
      <mark class="run7">7 to 12 words in a row</mark>
      <mark class="answer">the item's answer</mark>
      <mark class="allowed">not counted</mark>
      <span class="gap">left out</span>
      The gravest first, each item once; all of them are in verdicts.parquet.
    </p>
    ${first.map(matchCard)}
    ${rest.length === 0 ? '' : markup`<details><summary>${whole(rest.length)} more</summary>${rest.map(matchCard)}</details>`}`
}

function matchCard(match: MatchView): Markup {
  const answer =
    match.answer_within_words === null
      ? ''
      : markup` · answer ${whole(match.answer_within_words)} words from a shared run`
  return markup`<article class="match">
    <h3>
      <span class="badge ${match.status}">${match.status}</span>
      <span>${match.benchmark} item ${match.item_id}</span>
      <small
        >by ${match.reason} · score ${match.score.toFixed(2)} · ${percent(match.coverage_item)} of the
        ${match.item_field} · longest run ${whole(match.longest_run_words)} words${answer}</small
      >
    </h3>
    <div class="sides">
      ${side(`${match.train_file} row ${match.row}${match.doc_id === null ? '' : ` (${match.doc_id})`} · ${match.field_path} · ${match.place}`, match.train)}
      ${side(`${match.benchmark} item ${match.item_id} · ${match.item_field}`, match.item)}
    </div>
    ${ties(match.ties)}
  </article>`
}

const side = (title: string, pieces: readonly Piece[]): Markup =>
  markup`<div class="side"><h4>${title}</h4>${block(pieces)}</div>`

/** White space counts inside <pre>: the pieces stand one after the other without any between. */
function block(pieces: readonly Piece[]): Markup {
  const text = pieces.reduce((before, piece) => markup`${before}${shown(piece)}`, markup``)
  return markup`<pre>${text}</pre>`
}

function shown({ text, mark }: Piece): Markup {
  if (mark === 'gap') return markup`<span class="gap">${text}</span>`
  return mark === '' ? markup`${text}` : markup`<mark class="${mark}">${text}</mark>`
}

function ties(items: readonly string[]): Markup {
  if (items.length === 0) return markup``
  const more = items.length > 12 ? ` and ${items.length - 12} more` : ''
  return markup`<p class="legend">Fits as well: ${items.slice(0, 12).join(', ')}${more}</p>`
}
