import { type Random, rngFor } from '../../src/statistics/random.ts'
import type { LeafyWorld, Place, Step } from './leafy-world.ts'

/** What a trace passes: how often the policy leaves it at each token, and with which success. */
interface Link {
  /** Probability of the trace's token. */
  readonly mu: number
  /** Success probability of leaving it there. */
  readonly other: number
}

/** Tokens of a trace; what else the policy takes has other numbers. */
const traceToken = 1

/** A finished trace of `length` tokens; one in five is open, and `wanted` says what becomes of leaving at an open one that is
 *  followed by a success probability of `after`. */
export function leafyWorld(
  length: number,
  wanted: (after: number, mu: number, random: Random) => number,
  ...key: readonly (string | number)[]
): LeafyWorld {
  const random = rngFor('leafy world', ...key)
  const correct = random.next() < 0.6
  let [place, value]: [Place, number] = [correct, correct ? 1 : 0]
  for (let step = 0; step < length; step++) {
    const link = {
      mu: random.next() < 0.2 ? 0.3 + 0.45 * random.next() : 0.9 + 0.099 * random.next(),
      other: 0,
    }
    const other = link.mu > 0.8 ? value : wanted(value, link.mu, random)
    place = before(place, { ...link, other }, random)
    value = link.mu * value + (1 - link.mu) * other
  }
  return { policy: place, trace: Array.from({ length }, () => traceToken) }
}

/** Every open token changes p by .05 to .09: at gap .2 none is pivotal, nor half pivotal. */
export const drifting = (after: number, mu: number, random: Random): number => {
  const away = (0.05 + 0.04 * random.next()) / (1 - mu)
  const up = after < 0.2 || (after < 0.8 && random.next() < 0.5)
  return clipped(after + (up ? away : -away))
}

/** Two open tokens in three change p by .35 and more, the others by .05 at most. */
export const planted = (after: number, mu: number, random: Random): number => {
  if (random.next() > 2 / 3) return clipped(after + 0.1 * random.next() - 0.05)
  const away = 0.35 / (1 - mu) + 0.3 * random.next()
  return clipped(after + (after > 0.5 ? -away : away))
}

/** Anything. */
export const anything = (_after: number, _mu: number, random: Random): number => random.next()

const clipped = (p: number): number => Math.min(1, Math.max(0, p))

function before(to: Place, { mu, other }: Link, random: Random): Place {
  const weights = Array.from({ length: 1 + random.below(3) }, () => 0.1 + random.next())
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const away = weights.map((weight, i): Step => ({
    token: traceToken + 1 + i,
    p: ((1 - mu) * weight) / total,
    to: outcome(other, random),
  }))
  return [{ token: traceToken, p: mu, to }, ...away]
}

/** Answers of which this share is right: either kind is a few that are likely, or many of which each is not. */
function outcome(right: number, random: Random): Place {
  const steps = [
    { token: 10, p: right, to: answers(true, random) },
    { token: 11, p: 1 - right, to: answers(false, random) },
  ]
  return steps.filter(({ p }) => p > 0)
}

function answers(verdict: boolean, random: Random): Place {
  const [deep, wide] = ([[0, 1], [1, 3], [1, 12], [2, 40]] as const)[random.below(4)] ?? [0, 1] // prettier-ignore
  let place: Place = verdict
  for (let level = 0; level < deep; level++) {
    const to: Place = place
    place = Array.from({ length: wide }, (_, token) => ({ token, p: 1 / wide, to }))
  }
  return place
}
