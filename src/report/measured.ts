import { type Estimate, type Interval, share, wilson } from '../statistics/estimate.ts'
import { differenceInterval } from '../statistics/difference.ts'
import { mcnemarExact } from '../statistics/mcnemar.ts'

/** A pass rate as evaluated: one completion a problem. */
interface Measured {
  readonly passed: Estimate
  readonly results?: readonly { readonly id: string; readonly correct: boolean }[]
}

export interface BeforeAfter {
  readonly before: Measured
  readonly after: Measured
}

export interface Change {
  readonly delta: number
  /** Newcombe, as if the two samples were independent: wider than the truth where the problems are the same. */
  readonly interval: Interval
  /** Of the exact McNemar test on the problems both solved or missed differently; null without results of each. */
  readonly pValue: number | null
}

/** How a pass rate changed. */
export function changeOf({ before, after }: BeforeAfter): Change {
  return {
    delta: share(after.passed) - share(before.passed),
    interval: differenceInterval(before.passed, after.passed),
    pValue: paired(before, after),
  }
}

function paired({ results: before }: Measured, { results: after }: Measured): number | null {
  if (before === undefined || after === undefined) return null
  const was = new Map(before.map(({ id, correct }) => [id, correct]))
  const both = after.filter(({ id }) => was.has(id))
  const gained = both.filter(({ id, correct }) => correct && was.get(id) === false).length
  const lost = both.filter(({ id, correct }) => !correct && was.get(id) === true).length
  return mcnemarExact(gained, lost)
}

/** `.512 [.481, .543]`: a share with its 95 % Wilson interval. */
export function withInterval(estimate: Estimate): string {
  const { low, high } = wilson(estimate)
  return `${decimal(share(estimate))} [${decimal(low)}, ${decimal(high)}]`
}

/** Three digits, no leading zero; `digits` others. */
export const decimal = (value: number, digits = 3): string => value.toFixed(digits).replace(/^(-?)0\./, '$1.')

/** The same with its sign. */
export const signed = (value: number, digits = 3): string =>
  value < 0 ? `−${decimal(-value, digits)}` : `+${decimal(value, digits)}`

export const whole = (value: number): string => value.toLocaleString('en-US')

/** Of pivotal tokens, those that rollouts confirmed which no search had seen. */
export const confirmedText = (of: { readonly pivots: number; readonly confirmed: number }): string =>
  `${of.pivots > 0 && of.confirmed === of.pivots ? 'all' : whole(of.confirmed)} confirmed on fresh rollouts`
