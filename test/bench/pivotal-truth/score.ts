import { changeAt, type TrueTrace } from './truth.ts'

/** What a method reports of one trace, and what that took. */
export interface Reported {
  readonly positions: readonly number[]
  readonly rollouts: number
  /** Decoded. */
  readonly tokens: number
}

/** Counts over traces. */
export interface Counts {
  readonly traces: number
  readonly pivots: number
  readonly reported: number
  readonly right: number
  /** Pivots that exceed the gap by .05, and those of them that were found. */
  readonly clearPivots: number
  readonly clearFound: number
  /** Reports of these, and of tokens that miss the gap by .05. */
  readonly clearRight: number
  readonly clearWrong: number
  /** Reports of tokens that do not change p by half the gap. */
  readonly nothing: number
  readonly rollouts: number
  readonly tokens: number
}

/** How near the gap a token is neither. */
const band = 0.05

/** What is reported against what is true. */
export function score(traces: readonly TrueTrace[], found: readonly Reported[], gap: number): Counts {
  const size = (trace: TrueTrace, at: number): number => Math.abs(changeAt(trace, at))
  const all = traces.flatMap((trace) => trace.trace.map((_, at) => size(trace, at)))
  const reported = found.flatMap(({ positions }, i) =>
    positions.map((at) => size(traces[i] as TrueTrace, at)),
  )
  const atLeast = (sizes: readonly number[], least: number): number =>
    sizes.filter((one) => one >= least).length
  return {
    traces: traces.length,
    pivots: atLeast(all, gap),
    reported: reported.length,
    right: atLeast(reported, gap),
    clearPivots: atLeast(all, gap + band),
    clearFound: atLeast(reported, gap + band),
    clearRight: atLeast(reported, gap + band),
    clearWrong: reported.length - atLeast(reported, gap - band),
    nothing: reported.length - atLeast(reported, gap / 2),
    rollouts: found.reduce((sum, one) => sum + one.rollouts, 0),
    tokens: found.reduce((sum, one) => sum + one.tokens, 0),
  }
}

/** Counts of several seeds together. */
export function total(counts: readonly Counts[]): Counts {
  const sum = (of: (one: Counts) => number): number => counts.reduce((all, one) => all + of(one), 0)
  return {
    traces: sum((one) => one.traces),
    pivots: sum((one) => one.pivots),
    reported: sum((one) => one.reported),
    right: sum((one) => one.right),
    clearPivots: sum((one) => one.clearPivots),
    clearFound: sum((one) => one.clearFound),
    clearRight: sum((one) => one.clearRight),
    clearWrong: sum((one) => one.clearWrong),
    nothing: sum((one) => one.nothing),
    rollouts: sum((one) => one.rollouts),
    tokens: sum((one) => one.tokens),
  }
}

const decimals = (value: number): string =>
  Number.isFinite(value) ? value.toFixed(2).replace(/^0/, '') : '-'
const whole = (value: number): string => (Number.isFinite(value) ? String(Math.round(value)) : '-')

/** The figures of a method. */
export const figureNames: readonly {
  readonly name: string
  readonly unit: string
  readonly of: (counts: Counts) => number
  readonly show: (value: number) => string
}[] = [
  { name: 'precision, raw', unit: 'share', of: (one) => one.right / one.reported, show: decimals },
  { name: 'recall, raw', unit: 'share', of: (one) => one.right / one.pivots, show: decimals },
  {
    name: 'precision, clear',
    unit: 'share',
    of: (one) => one.clearRight / (one.clearRight + one.clearWrong),
    show: decimals,
  },
  { name: 'recall, clear', unit: 'share', of: (one) => one.clearFound / one.clearPivots, show: decimals },
  { name: 'under half the gap', unit: 'share', of: (one) => one.nothing / one.reported, show: decimals },
  { name: 'rollouts a trace', unit: 'rollouts', of: (one) => one.rollouts / one.traces, show: whole },
  { name: 'rollouts a true pivot', unit: 'rollouts', of: (one) => one.rollouts / one.right, show: whole },
  { name: 'decode tokens a trace', unit: 'tokens', of: (one) => one.tokens / one.traces, show: whole },
]
