import { pruneMargin } from '../../src/stages/pivotal/search/source.ts'
import { plantedSource } from '../stages/planted-source.ts'
import type { World } from '../stages/toy-world.ts'
import type { Figure } from './figure.ts'
import { gap } from './pivotal-methods.ts'

/** What a world's traces are like, so that a figure can be read: means over its traces, and rollouts from their roots. */
export interface Profile {
  readonly tokens: number
  /** Surprisal of a trace, nats. */
  readonly nats: number
  /** Tokens of a trace with 1 - mu of the gap at least, and those that the search's margin leaves open. */
  readonly open: number
  readonly searched: number
  readonly pivots: number
  /** Sum of squared changes of a trace, and p (1 - p): on-policy the first is at most the second on average. */
  readonly squared: number
  readonly bound: number
  /** Tokens of right and of wrong rollouts. */
  readonly right: number
  readonly wrong: number
  /** Pearson's, of a rollout's length and its being right. */
  readonly correlation: number
}

/** What the page that describes the first world says of 300 such traces. */
const published: Partial<Record<string, number>> = {
  nats: 47,
  open: 50,
  pivots: 1.2,
  squared: 0.201,
  bound: 0.228,
}

/** Rounding in how a world is made must not decide what is pivotal. */
export const isPivot = (world: World, position: number): boolean =>
  Math.abs(changeAt(world, position)) >= gap - 1e-9

export const changeAt = ({ values }: World, position: number): number =>
  (values[position + 1] as number) - (values[position] as number)

export async function profileOf(name: string, traces: readonly World[]): Promise<Profile> {
  const perTrace = (of: (world: World) => number): number => mean(traces.map(of))
  const count = (holds: (world: World, position: number) => boolean) => (world: World) =>
    world.logprobs.filter((_, position) => holds(world, position)).length
  const leave = ({ logprobs }: World, position: number): number => -Math.expm1(logprobs[position] as number)
  const lengths = await rootRollouts(name, traces)
  return {
    tokens: perTrace(({ logprobs }) => logprobs.length),
    nats: perTrace(({ logprobs }) => -sum(logprobs)),
    open: perTrace(count((world, position) => leave(world, position) >= gap)),
    searched: perTrace(count((world, position) => leave(world, position) >= pruneMargin * gap)),
    pivots: perTrace(count(isPivot)),
    squared: perTrace((world) => sum(world.logprobs.map((_, position) => changeAt(world, position) ** 2))),
    bound: perTrace(({ values: [p = 0] }) => p * (1 - p)),
    ...lengths,
  }
}

/** 64 rollouts a trace, of a stream that no method draws from. */
async function rootRollouts(
  name: string,
  traces: readonly World[],
): Promise<Pick<Profile, 'right' | 'wrong' | 'correlation'>> {
  const drawn = await Promise.all(
    traces.map((world, i) =>
      plantedSource(world, false, 'profile', name, i).draw({
        node: 0,
        n: 64,
        forced: false,
        purpose: 'search',
      }),
    ),
  )
  const rollouts = drawn.flat()
  const lengthOf = (correct: boolean): number =>
    mean(rollouts.filter((one) => one.correct === correct).map(({ tokens }) => tokens))
  return {
    right: lengthOf(true),
    wrong: lengthOf(false),
    correlation: correlation(
      rollouts.map(({ tokens }) => tokens),
      rollouts.map(({ correct }) => (correct ? 1 : 0)),
    ),
  }
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)]
  const product = sum(a.map((value, i) => (value - meanA) * ((b[i] as number) - meanB)))
  const square = (of: readonly number[], about: number): number =>
    sum(of.map((value) => (value - about) ** 2))
  return product / Math.sqrt(square(a, meanA) * square(b, meanB))
}

/** One line for people. */
export function profileLine(seed: string, traces: number, of: Profile): string {
  const { tokens, nats, open, searched, pivots, squared, bound, right, wrong } = of
  return [
    `seed '${seed}': ${traces} traces of ${tokens} tokens`,
    `${nats.toFixed(1)} nats of surprisal a trace`,
    `${open.toFixed(1)} tokens open at the gap (${searched.toFixed(1)} with the search's margin)`,
    `${pivots.toFixed(2)} pivots`,
    `sum of squared changes ${squared.toFixed(3)} against p (1 - p) ${bound.toFixed(3)}`,
    `right answers ${right.toFixed(0)} tokens, wrong ones ${wrong.toFixed(0)}: correlation of length and verdict ${of.correlation.toFixed(2)}`,
  ].join('; ')
}

/** The same as figures; of the first world against what the page says of it. */
export const profileFigures = (world: string, profile: Profile, isFirst: boolean): Figure[] =>
  Object.entries({ ...profile }).map(([name, value]) => {
    const baseline = isFirst ? published[name] : undefined
    return {
      ...{ bench: 'pivotal', case: `${world}; traces; ${name}`, value, unit: 'a trace' },
      ...(baseline === undefined
        ? { baseline: 'itself', ratio: 1 }
        : { baseline: 'the page', ratio: value / baseline }),
    }
  })

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
const mean = (values: readonly number[]): number => sum(values) / values.length
