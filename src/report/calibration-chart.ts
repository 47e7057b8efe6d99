import { share, wilson } from '../statistics/estimate.ts'
import { markup, type Markup } from './html.ts'
import { decimal } from './measured.ts'

interface Bin {
  readonly low: number
  readonly high: number
  readonly pairs: number
  readonly found: number
}

const x = (jaccard: number): string => (50 + jaccard * 560).toFixed(1)
const y = (part: number): string => (190 - part * 170).toFixed(1)

/** Found share of each bin with its interval, on the curve that theory gives. */
export function calibrationChart(bins: readonly Bin[], curve: (jaccard: number) => number): Markup {
  const line = Array.from({ length: 101 }, (_, i) => `${x(i / 100)},${y(curve(i / 100))}`).join(' ')
  return markup`<svg
    class="plot"
    viewBox="0 0 640 228"
    role="img"
    aria-label="Found share of pairs by true Jaccard"
  >
    ${[0, 0.5, 1].map(
      (part) =>
        markup`<line class="tick" x1="50" x2="610" y1="${y(part)}" y2="${y(part)}" />
          <text x="42" y="${Number(y(part)) + 4}" text-anchor="end">${decimal(part, 1)}</text>`,
    )}
    ${[0, 0.2, 0.4, 0.6, 0.8, 1].map((at) => markup`<text x="${x(at)}" y="208" text-anchor="middle">${decimal(at, 1)}</text>`)}
    <polyline class="mean" points="${line}" />
    ${bins.filter(({ pairs }) => pairs > 0).map(point)}
    <text x="330" y="224" text-anchor="middle">true Jaccard of shingles</text>
  </svg>`
}

function point({ low, high, pairs, found }: Bin): Markup {
  const estimate = { successes: found, trials: pairs }
  const interval = wilson(estimate)
  const middle = x((low + high) / 2)
  return markup`<g class="down">
    <line class="whisker" x1="${middle}" x2="${middle}" y1="${y(interval.low)}" y2="${y(interval.high)}" />
    <circle class="to" cx="${middle}" cy="${y(share(estimate))}" r="4" />
  </g>`
}
