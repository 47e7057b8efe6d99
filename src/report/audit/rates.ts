import type { Rate } from '../../store/audit-summary.ts'
import { markup, type Markup } from '../html.ts'
import { whole } from '../measured.ts'

/** `1.23 %`: two digits that say something; 0 % and 100 % only where they are exact. */
export function percent(value: number): string {
  const of100 = value * 100
  if (of100 === 0 || of100 === 100) return `${of100} %`
  const digits = of100 >= 10 && of100 <= 99.9 ? 1 : of100 < 1 ? 3 : 2
  return `${of100.toFixed(digits)} %`
}

/** `12 of 500 · 2.40 %`, with its interval below. */
export const rateText = ({ count, of, low, high }: Rate): Markup =>
  of === 0
    ? markup`<b>0</b> of 0`
    : markup`<span class="amount"
        ><b>${whole(count)}</b> of ${whole(of)} · ${percent(count / of)}<small
          >95 %: ${percent(low)} to ${percent(high)}</small
        ></span
      >`

/** A share as a bar with its interval. */
export function rateBar({ count, of, low, high }: Rate, tone: 'contaminated' | 'partial' | 'clean'): Markup {
  const at = (share: number): string => (share * 150).toFixed(1)
  return markup`<svg class="rate ${tone}" viewBox="0 0 150 14" aria-hidden="true">
    <rect class="track" y="4" width="150" height="6" rx="3" />
    <rect class="bar" y="4" width="${at(of === 0 ? 0 : count / of)}" height="6" rx="3" />
    <line class="range" x1="${at(low)}" x2="${at(high)}" y1="7" y2="7" />
  </svg>`
}
