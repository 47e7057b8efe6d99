import {
  type BeforeAfter,
  changeOf,
  confirmedText,
  decimal,
  signed,
  whole,
  withInterval,
} from './measured.ts'
import { beforeAfter, curve } from './charts.ts'
import type { ReportData } from './data.ts'
import { htmlDocument } from './document.ts'
import { markup, type Markup } from './html.ts'
import { cachedPrompts, counterText, noiseAlarm } from './notes.ts'
import { style } from './style.ts'
import { teachableSection } from './teachable.ts'
import { shade, traceCard } from './traces.ts'

/** One step of a training log, as far as it is drawn. */
export interface LogPoint {
  readonly step: number
  readonly loss: number
  readonly accuracy?: number | undefined
}

export interface PageInput {
  readonly data: ReportData
  readonly evaluation: BeforeAfter | null
  readonly log: readonly LogPoint[]
}

/** The report as one page. */
export function page({ data, evaluation, log }: PageInput): string {
  const { manifest } = data
  const body = markup`<header>
      <h1>${manifest.name}</h1>
      <p>
        seed ${manifest.seed} · ${manifest.models.map(({ id }) => id).join(' · ')} · Fulcrum
        ${manifest.versions.fulcrum}
      </p>
    </header>
    ${alarm(data)} ${tiles(data, evaluation)} ${effect(evaluation, log)} ${funnel(data)} ${teachableSection(data.gate)} ${traces(data)}
    ${spent(data)}`
  return htmlDocument(manifest.name, style, body)
}

function alarm({ manifest }: ReportData): Markup {
  const text = noiseAlarm(manifest.counters)
  return text === null ? markup`` : markup`<p class="card alarm">${text}</p>`
}

function tiles(data: ReportData, evaluation: BeforeAfter | null): Markup {
  const tile = (value: string, label: string, note = ''): Markup =>
    markup`<div class="tile"><b>${value}</b>${label}<br /><small>${note}</small></div>`
  const effects =
    evaluation === null
      ? []
      : [
          tile(
            signed(changeOf(evaluation).delta),
            'change of the pass rate',
            `${withInterval(evaluation.before.passed)} before`,
          ),
        ]
  return markup`<div class="tiles">
    ${tile(whole(data.problems), 'problems in', data.malformed > 0 ? `${whole(data.malformed)} malformed` : '')}
    ${tile(whole(data.manifest.removed.rows), 'rows dropped', 'each kept with its reason')}
    ${tile(whole(data.pivots), 'pivotal tokens', confirmedText(data))}
    ${tile(whole(data.pairs), 'preference pairs', 'disjoint 95 % intervals')} ${effects}
  </div>`
}

function effect(evaluation: BeforeAfter | null, log: readonly LogPoint[]): Markup {
  if (evaluation === null && log.length === 0) return markup``
  const accuracy = log.flatMap(({ step, accuracy: value }) =>
    value === undefined ? [] : [[step, value] as const],
  )
  const plots = [
    ...(log.length > 0
      ? [
          figure(
            curve(
              'Loss',
              log.map(({ step, loss }) => [step, loss] as const),
              null,
            ),
            'Training loss, nats',
          ),
        ]
      : []),
    ...(accuracy.length > 0
      ? [figure(curve('Accuracy', accuracy, 0), 'Share of pairs whose chosen side is preferred')]
      : []),
  ]
  return markup`<h2>Effect of training</h2>
    ${evaluation === null ? '' : measured(evaluation)}
    <div class="pair">${plots}</div>`
}

function measured(evaluation: BeforeAfter): Markup {
  const { before, after } = evaluation
  const { delta, interval, pValue } = changeOf(evaluation)
  const test =
    pValue === null
      ? ''
      : `; exact McNemar test on the same problems, p = ${pValue < 0.001 ? pValue.toExponential(1) : decimal(pValue)}`
  const caption = `Held-out pass rate, one completion a problem: ${withInterval(before.passed)} before, ${withInterval(after.passed)} after, ${whole(after.passed.trials)} problems. Change ${signed(delta)} [${signed(interval.low)}, ${signed(interval.high)}]${test}.`
  return figure(beforeAfter(before.passed, after.passed), caption)
}

const figure = (chart: Markup, caption: string): Markup =>
  markup`<figure>
    ${chart}
    <figcaption>${caption}</figcaption>
  </figure>`

function funnel({ manifest, problems, drops }: ReportData): Markup {
  const most = Math.max(1, problems, ...manifest.pipeline.stages.map((stage) => stage.rows_out))
  const line = (name: string, rows: number, reasons: string): Markup =>
    markup`<tr>
      <td>${name}</td>
      <td class="n">${whole(rows)}</td>
      <td>
        <svg class="share" viewBox="0 0 160 8" aria-hidden="true">
          <rect class="inside" width="${((rows / most) * 160).toFixed(1)}" height="8" rx="2" />
        </svg>
      </td>
      <td class="reasons">${reasons}</td>
    </tr>`
  const reasonsOf = (stage: string): string =>
    drops
      .filter((drop) => drop.stage === stage)
      .map(({ reason, rows }) => `${whole(rows)} ${reason}`)
      .join(' · ')
  return markup`<h2>What became of the problems</h2>
    <div class="card scroll">
      <table>
        <thead>
          <tr>
            <th>stage</th>
            <th class="n">rows out</th>
            <th></th>
            <th>dropped there</th>
          </tr>
        </thead>
        <tbody>
          ${line('problems', problems, reasonsOf('source'))}
          ${manifest.pipeline.stages.map(({ name, rows_out: rows }) => line(name, rows, reasonsOf(name)))}
        </tbody>
      </table>
    </div>`
}

function traces({ traces: cards }: ReportData): Markup {
  if (cards.length === 0) return markup``
  const sample = [-0.9, -0.5, -0.2, 0.2, 0.5, 0.9].map(
    (delta) => markup`<code class="${shade(delta)}">${signed(delta, 1)}</code>`,
  )
  return markup`<h2>Where answers turn right or wrong</h2>
    <p class="legend">
      A pivotal token changes the probability that the student's answer comes out right: ${sample}
    </p>
    <p class="legend">
      Hollow dot before, full dot after, on an axis from 0 to 1. All figures are from rollouts that the search
      did not see. Point at a token for its own.
    </p>
    ${cards.map((trace, i) => traceCard(trace, i + 1))}`
}

function spent({ manifest }: ReportData): Markup {
  const cached = cachedPrompts(manifest.counters)
  const counters = Object.entries(manifest.counters).map(([name, value]) => counterText(name, value))
  if (counters.length === 0) return markup``
  if (cached !== null) counters.push(['share of prompt tokens cached', `${cached.share} of ${cached.of}`])
  return markup`<h2>What it cost</h2>
    <div class="card scroll">
      <table>
        <tbody>
          ${counters.map(
            ([name, value]) =>
              markup`<tr>
                <td>${name}</td>
                <td class="n">${value}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`
}
