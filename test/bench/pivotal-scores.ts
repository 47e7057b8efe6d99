import type { World } from '../stages/toy-world.ts'
import type { Figure } from './figure.ts'
import { gap, type Reported } from './pivotal-methods.ts'
import { changeAt, isPivot, sum } from './pivotal-profile.ts'

type Name = (typeof names)[number]
const names = [
  'rollouts a trace', 'precision', 'recall', 'false share', 'rollouts a true pivot',
  'decode tokens a true pivot', 'bias', 'share of traces with a false report', 'interval coverage', 'requests a trace',
] as const // prettier-ignore
/** What a method does in a world. */
export type Scores = Readonly<Record<Name, number>>

/** What was found on the traces against their truth. */
export function score(traces: readonly World[], found: readonly Reported[]): Scores {
  const all = found.flatMap(({ pivots }, i) =>
    pivots.map(({ position, delta }) => ({ world: traces[i] as World, position, delta })),
  )
  const right = all.filter(({ world, position }) => isPivot(world, position)).length
  const pivots = traces.flatMap((world) => world.logprobs.filter((_, i) => isPivot(world, i))).length
  const small = all.filter(({ world, position }) => Math.abs(changeAt(world, position)) < gap / 2)
  const excess = all.map(
    ({ world, position, delta }) => Math.abs(delta) - Math.abs(changeAt(world, position)),
  )
  const intervals = found.flatMap(({ intervals }, i) =>
    intervals.map(({ position, low, high }) => {
      const delta = changeAt(traces[i] as World, position)
      return low <= delta && delta <= high
    }),
  )
  const rollouts = sum(found.map((one) => one.rollouts))
  return {
    'rollouts a trace': rollouts / traces.length,
    precision: right / all.length,
    recall: right / pivots,
    'false share': small.length / all.length,
    'rollouts a true pivot': rollouts / right,
    'decode tokens a true pivot': sum(found.map((one) => one.tokens)) / right,
    bias: sum(excess) / all.length,
    'share of traces with a false report': new Set(small.map(({ world }) => world)).size / traces.length,
    'interval coverage': intervals.filter(Boolean).length / intervals.length,
    'requests a trace': sum(found.map((one) => one.requests)) / traces.length,
  }
}

/** Every figure of a world, each against the method named. */
export function scoreFigures(world: string, scores: ReadonlyMap<string, Scores>, against: string): Figure[] {
  const reference = scores.get(against) as Scores
  return [...scores].flatMap(([method, values]) =>
    names
      .filter((name) => Number.isFinite(values[name]))
      .map((name) => {
        const compared = Number.isFinite(reference[name]) && reference[name] !== 0
        return {
          bench: 'pivotal',
          case: `${world}; ${method}; ${name}`,
          value: values[name],
          unit: unitOf(name),
          baseline: compared ? against : 'itself',
          ratio: compared ? values[name] / reference[name] : 1,
        }
      }),
  )
}

const unitOf = (name: Name): string =>
  ['rollouts', 'requests'].find((unit) => name.startsWith(unit)) ??
  (name.startsWith('decode') ? 'tokens' : 'share')

/** A row a method. */
export function scoreTable(scores: ReadonlyMap<string, Scores>): string {
  const cell = (name: Name, value: number): string =>
    !Number.isFinite(value)
      ? '-'
      : /rollouts|tokens|requests/.test(name)
        ? String(Math.round(value))
        : value.toFixed(3)
  const rows = [...scores].map(
    ([method, values]) => `| ${method} | ${names.map((name) => cell(name, values[name])).join(' | ')} |`,
  )
  return [`| method | ${names.join(' | ')} |`, `|---|${names.map(() => '---|').join('')}`, ...rows].join('\n')
}
