import { normalCdf } from '../../../statistics/normal.ts'
import { worthAt } from '../../../statistics/side.ts'
import type { Link } from './chain.ts'
import { boundsOf } from './draws.ts'
import type { Tally } from './tally.ts'

/** A value that was seen elsewhere, and in how many trials. */
export interface Expected {
  readonly mean: number
  readonly worth: number
}

/** What the search believes of a link. It decides where rollouts go and what is tested, never what is reported. */
export interface Belief {
  /** 1 - Pi, by count where the log-probabilities only bound it. */
  readonly leave: number
  /** Variance of the value of leaving, and what one more draw of it is expected to take off. */
  readonly variance: number
  readonly gain: number
  /** Change of V over the link, its standard error, and the probability that it reaches the gap. */
  readonly delta: number
  readonly error: number
  readonly pivotal: number
  /** Value at the link's end and value of leaving it, each as a mean and the trials it is worth. */
  readonly after: Expected
  readonly leaving: Expected
}

/** Prior weight of a neighbourhood against a link's own draws, and how far it reaches: each link further weighs less by
 *  this factor. Ours, not from the paper; tuned on toy worlds whose seeds no bench reports. */
const [neighbours, decay] = [1.5, 0.8]

/** Values of leaving as Beta posteriors about their neighbourhood's share, and from them V backward along the chain:
 *  V(start) = (1 - leave) V(end) + leave V(leaving). Every rollout informs V at every node before it left. */
export function beliefs(tally: Tally, verdict: boolean | null, gap: number): readonly Belief[] {
  const { links } = tally
  const around = neighbourhoods(tally)
  const found: Belief[] = []
  let after = { mean: 0, variance: 0 }
  for (let k = links.length - 1; k >= 0; k--) {
    const leaving =
      k === links.length - 1 && verdict !== null ? exactly(verdict) : posterior(tally, k, around)
    const leave = leaveOf(tally.link(k), tally, k)
    const stay = 1 - leave
    const delta = k === links.length - 1 ? 0 : leave * (after.mean - leaving.mean)
    const error = leave * Math.sqrt(after.variance + leaving.variance)
    const { variance, gain } = leaving
    found.push({
      leave,
      variance,
      gain,
      delta,
      error,
      pivotal: reaches(delta, error, gap),
      after: worth(after),
      leaving: worth(leaving),
    })
    after = {
      mean: stay * after.mean + leave * leaving.mean,
      variance: stay ** 2 * after.variance + leave ** 2 * variance,
    }
  }
  return found.reverse()
}

/** Share of the rollouts that leave around each link, without its own, started at one half. */
function neighbourhoods(tally: Tally): readonly number[] {
  const counts = tally.links.map((_, k) => tally.left(k))
  const sums = counts.map(() => ({ successes: 1, trials: 2 }))
  const sweep = (order: readonly number[]): void => {
    let [successes, trials] = [0, 0]
    for (const k of order) {
      const sum = sums[k] as (typeof sums)[number]
      sum.successes += successes
      sum.trials += trials
      successes = (successes + (counts[k]?.successes ?? 0)) * decay
      trials = (trials + (counts[k]?.trials ?? 0)) * decay
    }
  }
  sweep([...counts.keys()])
  sweep([...counts.keys()].reverse())
  return sums.map(({ successes, trials }) => successes / trials)
}

/** Of what is not known: a Beta posterior, scaled to its range. */
function posterior(tally: Tally, k: number, around: readonly number[]) {
  const bounds = boundsOf(tally.known(k))
  const { mean: seen, worth } = worthAt(tally.left(k).parts, bounds)
  const range = bounds.high - bounds.low
  const weight = worth + neighbours
  const mean = (worth * seen + neighbours * (around[k] as number)) / weight
  const variance = (range ** 2 * (mean * (1 - mean))) / (weight + 1)
  return { mean: bounds.low + range * mean, variance, gain: variance / (weight + 1) }
}

const exactly = (verdict: boolean) => ({ mean: verdict ? 1 : 0, variance: 0, gain: 0 })

/** Exact where the log-probabilities are; else by count, and never above what they allow. */
export function leaveOf({ leave, exact }: Link, tally: Tally, k: number): number {
  if (exact) return leave
  const { successes, trials } = tally.leaving(k)
  return Math.min(leave, (successes + 0.5) / (trials + 1))
}

/** P(|change| >= gap), normal. */
function reaches(delta: number, error: number, gap: number): number {
  if (error === 0) return Math.abs(delta) >= gap ? 1 : 0
  return normalCdf((delta - gap) / error) + normalCdf((-delta - gap) / error)
}

/** The number of trials of a share with this variance. */
const worth = ({ mean, variance }: { mean: number; variance: number }) => ({
  mean,
  worth: variance === 0 ? Infinity : Math.max(0, (mean * (1 - mean)) / variance - 1),
})
