import type { Estimate } from '../../src/statistics/estimate.ts'
import { type Random, rngFor } from '../../src/statistics/random.ts'

/** A trace whose success probability is known after every token. */
export interface World {
  /** Sampler log-probability of each token taken, nats. */
  readonly logprobs: readonly number[]
  /** V after 0, 1, ... tokens. */
  readonly values: readonly number[]
  /** V given any other token at each position. */
  readonly others: readonly number[]
  /** Verdict of the finished trace; absent where the trace goes on unseen. */
  readonly correct?: boolean
}

/** `length` binary steps: four in five nearly certain, the others choices, one in ten of which may be pivotal. A takes
 *  v to v + (1 - mu) D and B to v - mu D, so V is a martingale under the sampler. */
export function makeWorld(length: number, ...key: readonly (string | number)[]): World {
  const random = rngFor('world', ...key)
  let value = 0.25 + 0.5 * random.next()
  const [values, others, logprobs]: [number[], number[], number[]] = [[value], [], []]
  for (let step = 0; step < length; step++) {
    const { mu, size } = drawStep(random)
    const most =
      size > 0 ? Math.min((1 - value) / (1 - mu), value / mu) : Math.min(value / (1 - mu), (1 - value) / mu)
    const change = Math.sign(size) * Math.min(Math.abs(size), most)
    const children = [value + (1 - mu) * change, value - mu * change] as const
    const taken = random.next() < mu ? 0 : 1
    value = Math.min(1, Math.max(0, children[taken]))
    values.push(value)
    others.push(children[1 - taken] as number)
    logprobs.push(Math.log(taken === 0 ? mu : 1 - mu))
  }
  return { logprobs, values, others }
}

function drawStep(random: Random): { mu: number; size: number } {
  if (random.next() < 0.8)
    return { mu: 1 - Math.min(0.2, -0.01 * Math.log(1 - random.next())), size: 0.15 * normal(random) }
  const mu = 0.1 + 0.8 * random.next()
  if (random.next() < 0.9) return { mu, size: 0.08 * normal(random) }
  return { mu, size: (random.next() < 0.5 ? -1 : 1) * (0.35 + 0.55 * random.next()) }
}

const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())

/** The estimate that `trials` rollouts of a node with value p give. */
export function binomial(p: number, trials: number, random: Random): Estimate {
  let successes = 0
  for (let i = 0; i < trials; i++) if (random.next() < p) successes++
  return { successes, trials }
}

interface Searched {
  readonly world: World
  readonly reported: readonly { readonly position: number; readonly delta: number }[]
  readonly rollouts: number
}

/** Precision and recall at gap 0.2, bias of the reported |delta|, rollouts a trace and a true pivot. */
export function score(searched: readonly Searched[]) {
  const truth = (world: World, i: number): number =>
    (world.values[i + 1] as number) - (world.values[i] as number)
  const pivots = searched.flatMap(({ world }) =>
    world.logprobs.filter((_, i) => Math.abs(truth(world, i)) >= 0.2),
  ).length
  const reported = searched.flatMap(({ world, reported }) =>
    reported.map(({ position, delta }) => ({ delta, truth: truth(world, position) })),
  )
  const right = reported.filter((found) => Math.abs(found.truth) >= 0.2).length
  const rollouts = searched.reduce((sum, one) => sum + one.rollouts, 0)
  const bias =
    reported.reduce((sum, found) => sum + Math.abs(found.delta) - Math.abs(found.truth), 0) / reported.length
  const round = (value: number): number => Math.round(value * 1000) / 1000
  return {
    precision: round(right / reported.length),
    recall: round(right / pivots),
    bias: round(bias),
    rollouts: Math.round(rollouts / searched.length),
    perTruePivot: Math.round(rollouts / right),
  }
}
