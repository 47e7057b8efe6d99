import { changeAt, errorAt, gap, truePivots, type TrueTrace } from './truth.ts'

/** What a method says of one trace: the tokens it takes for pivotal, and 95 % intervals of all changes that it tested. */
export interface Found {
  readonly reported: readonly { readonly position: number; readonly delta: number }[]
  readonly intervals: readonly { readonly position: number; readonly low: number; readonly high: number }[]
}

/** The same with what that took. */
export interface Reported extends Found {
  readonly rollouts: number
  /** Decoded. */
  readonly tokens: number
}

/** A trace that was searched. */
export interface Searched {
  readonly trace: TrueTrace
  readonly found: Reported
}

/** The figures of a method, NaN where it has none. */
export type Scores = Readonly<Record<(typeof figureNames)[number]['name'], number>>

/** False is a report of a token that does not change p by half the gap: what the tests exclude. */
export const figureNames = [
  { name: 'precision', unit: 'share', digits: 2 },
  { name: 'recall', unit: 'share', digits: 2 },
  { name: 'false share', unit: 'share', digits: 2 },
  { name: 'rollouts a trace', unit: 'rollouts', digits: 0 },
  { name: 'rollouts a true pivot', unit: 'rollouts', digits: 0 },
  { name: 'decode tokens a trace', unit: 'tokens', digits: 0 },
  { name: 'coverage', unit: 'share', digits: 2 },
  { name: 'bias', unit: 'share', digits: 3 },
  { name: 'rms error', unit: 'share', digits: 3 },
  { name: 'median width', unit: 'share', digits: 2 },
] as const

/** What is reported against what is true. */
export function score(all: readonly Searched[]): Scores {
  const reported = all.flatMap(({ trace, found }) =>
    found.reported.map(({ position, delta }) => ({
      right: truePivots(trace, gap).includes(position),
      truth: Math.abs(changeAt(trace, position)),
      size: Math.abs(delta),
      squaredError: (delta - changeAt(trace, position)) ** 2,
    })),
  )
  const tested = all.flatMap(({ trace, found }) => found.intervals.map((one) => ({ trace, ...one })))
  const right = reported.filter((one) => one.right).length
  const rollouts = sum(all.map(({ found }) => found.rollouts))
  return {
    precision: right / reported.length,
    recall: right / sum(all.map(({ trace }) => truePivots(trace, gap).length)),
    'false share': reported.filter(({ truth }) => truth < gap / 2).length / reported.length,
    'rollouts a trace': rollouts / all.length,
    'rollouts a true pivot': rollouts / right,
    'decode tokens a trace': sum(all.map(({ found }) => found.tokens)) / all.length,
    coverage: tested.filter(holds).length / tested.length,
    bias: sum(reported.map(({ truth, size }) => size - truth)) / reported.length,
    'rms error': Math.sqrt(sum(reported.map(({ squaredError }) => squaredError)) / reported.length),
    'median width': median(tested.map(({ low, high }) => high - low)),
  }
}

/** The interval holds the truth, as far as that is known: where most answers are known it is as narrow as the truth's own error. */
function holds({ trace, position, low, high }: Found['intervals'][number] & { trace: TrueTrace }): boolean {
  const [change, slack] = [changeAt(trace, position), 3 * errorAt(trace, position)]
  return low - slack <= change && change <= high + slack
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.slice((sorted.length - 1) >> 1, (sorted.length >> 1) + 1)
  return sum(middle) / middle.length
}
