import { type Interval, wilson } from '../statistics/estimate.ts'
import { arrow } from './charts.ts'
import type { PivotRow, TraceView } from './data.ts'
import { markup, type Markup } from './html.ts'
import { decimal, signed } from './measured.ts'

/** A trace as written, its pivotal tokens coloured by the change of the success probability, and a row for each. */
export function traceCard(trace: TraceView, number: number): Markup {
  const [first] = trace
  const pivots = new Map(trace.map((pivot) => [pivot.position, pivot]))
  const author = first.on_policy ? 'written by the student itself' : 'written by the teacher'
  return markup`<article>
    <h3>
      Trace ${number}
      <small>pass rate ${decimal(first.pass_rate, 2)} · ${author} · problem ${first.question_id}</small>
    </h3>
    <p class="problem">${first.query}</p>
    <div class="trace">${tokens(first.trace_tokens, pivots)}</div>
    <div class="scroll">
      <table class="pivots">
        <thead>
          <tr>
            <th>token</th>
            <th>probability of success, before → after</th>
            <th>change, 95 % interval</th>
            <th>preference pair</th>
          </tr>
        </thead>
        <tbody>
          ${trace.map(pivotLine)}
        </tbody>
      </table>
    </div>
  </article>`
}

/** No white space between tokens but their own. */
function tokens(texts: readonly string[], pivots: ReadonlyMap<number, PivotRow>): Markup {
  const spans = texts.map((text, position) => {
    const pivot = pivots.get(position)
    return pivot === undefined ? markup`<span>${visible(text)}</span>` : pivotSpan(text, pivot)
  })
  return spans.reduce((line, span) => markup`${line}${span}`, markup``)
}

function pivotSpan(text: string, pivot: PivotRow): Markup {
  const { prob_before: before, prob_after: after, prob_delta: delta, confirmed } = pivot
  const pair = pairOf(pivot)
  const doubt = confirmed ? '' : ', not confirmed'
  const sides =
    pair === null
      ? ''
      : markup`<br>chosen <code>${visible(pair.chosen)}</code> over <code>${visible(pair.rejected)}</code>`
  const figures = markup`<b>${decimal(before, 2)} → ${decimal(after, 2)}</b> (${signed(delta, 2)})${doubt}${sides}`
  return markup`<span class="${classesOf(pivot)}" tabindex="0">${visible(text)}<span class="tip" role="tooltip">${figures}</span></span>`
}

const classesOf = ({ prob_delta: delta, confirmed }: PivotRow): string =>
  `pivot ${shade(delta)}${confirmed ? '' : ' unsure'}`

/** Class of a change: its direction and one of five strengths. */
export function shade(delta: number): string {
  const strength = Math.min(5, Math.max(1, Math.ceil(Math.abs(delta) * 5)))
  return `${delta >= 0 ? 'up' : 'down'}${strength}`
}

function pivotLine(pivot: PivotRow): Markup {
  const { prob_before: before, prob_after: after, prob_delta: delta } = pivot
  const within = afterWithin(pivot)
  return markup`<tr>
    <td><code class="${classesOf(pivot)}">${visible(pivot.trace_tokens[pivot.position] ?? '')}</code></td>
    <td>${arrow(before, after, within)}<small>${decimal(before, 2)} → ${afterText(pivot)}</small></td>
    <td><b>${signed(delta, 2)}</b> <small>${range(pivot)}</small></td>
    <td>${pairText(pivot)}</td>
  </tr>`
}

const range = ({ delta_low: low, delta_high: high, confirmed }: PivotRow): string =>
  `[${signed(low, 2)}, ${signed(high, 2)}]${confirmed ? '' : ' not confirmed'}`

/** Older datasets tell its trials alone, all of one kind. Those before the token are not: their mean is weighted by the token's
 *  probability, and what is uncertain of it is in the interval of the change. The verdict of a finished answer is known. */
function afterWithin(pivot: PivotRow): Interval {
  const { prob_after: rate, n_after: trials, prob_after_low: low, prob_after_high: high } = pivot
  if (endsAnswer(pivot)) return { low: rate, high: rate }
  if (low !== null && high !== null) return { low, high }
  return wilson({ successes: Math.round(rate * trials), trials })
}

function afterText(pivot: PivotRow): string {
  const { low, high } = afterWithin(pivot)
  const rate = decimal(pivot.prob_after, 2)
  return low === high ? rate : `${rate} [${decimal(low, 2)}, ${decimal(high, 2)}]`
}

const endsAnswer = ({ position, trace_tokens: tokens }: PivotRow): boolean => position + 1 === tokens.length

function pairOf({
  chosen_token: chosen,
  rejected_token: rejected,
}: PivotRow): { chosen: string; rejected: string } | null {
  return chosen === null || rejected === null ? null : { chosen, rejected }
}

function pairText(pivot: PivotRow): Markup {
  const pair = pairOf(pivot)
  if (pair === null) return markup`<small>none certified</small>`
  return markup`<code class="up3">${visible(pair.chosen)}</code>
    <small>${decimal(pivot.prob_chosen ?? NaN, 2)}</small> over
    <code class="down3">${visible(pair.rejected)}</code>
    <small>${decimal(pivot.prob_rejected ?? NaN, 2)}</small>`
}

/** A line break also shown as a sign, so that a token that is nothing else can be seen. */
const visible = (text: string): string => text.replace(/\n/g, '⏎\n')
