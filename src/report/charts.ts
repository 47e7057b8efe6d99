import { type Estimate, type Interval, share, wilson } from '../statistics/estimate.ts'
import { markup, type Markup } from './html.ts'
import { decimal } from './measured.ts'

/** An x position for a probability on a track of `width` with a margin of 6 on both sides. */
const at = (p: number, width: number): string => (6 + Math.min(1, Math.max(0, p)) * (width - 12)).toFixed(1)

/** From p before to p after on the axis from 0 to 1, with the 95 % interval after as a whisker. */
export function arrow(from: number, to: number, within: Interval): Markup {
  const way = to >= from ? 'up' : 'down'
  const width = 200
  const label = `from ${decimal(from, 2)} to ${decimal(to, 2)}`
  return markup`<svg class="arrow ${way}" viewBox="0 0 ${width} 26" role="img" aria-label="${label}">
    <line class="axis" x1="6" x2="${width - 6}" y1="13" y2="13" />
    ${[0, 0.25, 0.5, 0.75, 1].map((p) => markup`<line class="tick" x1="${at(p, width)}" x2="${at(p, width)}" y1="10" y2="16" />`)}
    ${whisker(within, width, 20)}
    <line class="way" x1="${at(from, width)}" x2="${at(to, width)}" y1="13" y2="13" />
    <circle class="from" cx="${at(from, width)}" cy="13" r="4" />
    <circle class="to" cx="${at(to, width)}" cy="13" r="4.5" />
  </svg>`
}

const whisker = ({ low, high }: Interval, width: number, y: number): Markup =>
  markup`<line class="whisker" x1="${at(low, width)}" x2="${at(high, width)}" y1="${y}" y2="${y}" />`

/** Two shares with their intervals, one under the other. */
export function beforeAfter(before: Estimate, after: Estimate): Markup {
  const row = (label: string, estimate: Estimate, y: number, way: string): Markup => {
    const { low, high } = wilson(estimate)
    const x = (p: number): string => (70 + p * 500).toFixed(1)
    return markup`<g class="${way}">
      <text x="60" y="${y + 4}" text-anchor="end">${label}</text>
      <line class="whisker" x1="${x(low)}" x2="${x(high)}" y1="${y}" y2="${y}" />
      <circle class="to" cx="${x(share(estimate))}" cy="${y}" r="6" />
      <text class="value" x="${x(high + 0.015)}" y="${y + 4}">${decimal(share(estimate))}</text>
    </g>`
  }
  return markup`<svg
    class="plot"
    viewBox="0 0 640 110"
    role="img"
    aria-label="Pass rate before and after training"
  >
    ${[0, 0.25, 0.5, 0.75, 1].map((p) => grid(70 + p * 500, 8, 82, decimal(p, 2)))}
    ${row('before', before, 30, 'plain')}
    ${row('after', after, 62, share(after) >= share(before) ? 'up' : 'down')}
  </svg>`
}

const grid = (x: number, top: number, bottom: number, label: string): Markup =>
  markup`<line class="tick" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}" /><text
      x="${x}"
      y="${bottom + 16}"
      text-anchor="middle"
    >
      ${label}
    </text>`

/** Values against step; the thin line is each step, the thick one a running mean over about a twentieth of the run. */
export function curve(
  label: string,
  points: readonly (readonly [step: number, value: number])[],
  floor: number | null,
): Markup {
  const values = points.map(([, value]) => value)
  const [low, high] = [floor ?? Math.min(...values), Math.max(...values)]
  const span = high - low || 1
  const last = Math.max(1, ...points.map(([step]) => step))
  const place = ([step, value]: readonly [number, number]): string =>
    `${(48 + (step / last) * 262).toFixed(1)},${(150 - ((value - low) / span) * 130).toFixed(1)}`
  const means = runningMean(values).map((value, i) => [points[i]?.[0] ?? 0, value] as const)
  return markup`<svg class="plot" viewBox="0 0 320 186" role="img" aria-label="${label} against step">
    ${[0, 0.5, 1].map(
      (part) =>
        markup`<line class="tick" x1="48" x2="310" y1="${150 - part * 130}" y2="${150 - part * 130}" /><text
            x="42"
            y="${154 - part * 130}"
            text-anchor="end"
            >${decimal(low + part * span, 2)}</text
          >`,
    )}
    ${[0, 0.5, 1].map((part) => markup`<text x="${48 + part * 262}" y="167" text-anchor="middle">${Math.round(part * last)}</text>`)}
    <polyline class="each" points="${points.map(place).join(' ')}" />
    <polyline class="mean" points="${means.map(place).join(' ')}" />
    <text x="179" y="182" text-anchor="middle">step</text>
  </svg>`
}

function runningMean(values: readonly number[]): number[] {
  const keep = 1 - 1 / Math.max(1, values.length / 20)
  let mean = values[0] ?? 0
  return values.map((value) => (mean = keep * mean + (1 - keep) * value))
}
