import type { Rollout, RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { type Random, rngFor } from '../../src/statistics/random.ts'
import type { World } from './toy-world.ts'

/** What a source can do, and how long its rollouts get. */
export interface PlantedOptions {
  readonly canForce: boolean
  /** Launches off the trace too. It tells no log-probabilities, as many a server: no answer is ever known. */
  readonly canBranch?: boolean
  /** How many times as many tokens as a right answer a wrong one takes from where it left the trace. */
  readonly wrongLonger?: number
}

/** 900 tokens against 400, the ratio for which rule S1 (launch order) gives its figures. That it holds of the rest of the way
 *  alone, and that each rest is spread evenly from half to one and a half of its mean, is ours. */
export const wrongLonger = 900 / 400

/** Rollouts of a world whose values are known: a rollout follows the trace while its draws agree with it, and where it
 *  leaves it succeeds with the value of leaving. Token 1 is every other token; one that follows to the end, null. */
export const plantedSource = (
  world: World,
  canForce: boolean,
  ...key: readonly (string | number)[]
): RolloutSource => sourceOf(world, { canForce }, ...key)

/** The same of a source that may be able to do more, or whose wrong answers are of another length. Lengths are drawn apart, so
 *  that they change no verdict. */
export function sourceOf(
  world: World,
  { canForce, canBranch = false, wrongLonger: longer = wrongLonger }: PlantedOptions,
  ...key: readonly (string | number)[]
): RolloutSource {
  const { logprobs, values, others } = world
  const length = logprobs.length
  const streams = new Map<string, Random>()
  const streamOf = (...[of, ...place]: readonly [string, number, number, string]): Random => {
    const name = [of, ...place].join(' ')
    const random = streams.get(name) ?? rngFor(of, ...key, ...place)
    streams.set(name, random)
    return random
  }
  return {
    canForce,
    canBranch,
    draw: ({ node, n, forced, purpose, branch }) => {
      const [from, off] = [branch?.position ?? node, forced || branch !== undefined]
      const random = streamOf('rollouts', from, off ? 1 : 0, purpose)
      const lengths = streamOf('lengths', from, off ? 1 : 0, purpose)
      const rollouts: Rollout[] = []
      while (rollouts.length < n) {
        let diverged = from
        if (!off)
          while (diverged < length && random.next() < Math.exp(logprobs[diverged] as number)) diverged++
        const left = diverged < length
        const correct = random.next() < ((left ? others[diverged] : values[length]) as number)
        const rest = (length - diverged + 1) * (correct ? 1 : longer) * (0.5 + lengths.next())
        const tokens = diverged - from + Math.max(1, Math.round(rest))
        const launched = branch === undefined ? {} : { branch }
        rollouts.push({ node, diverged, token: left ? 1 : null, correct, tokens, forced, ...launched })
      }
      return Promise.resolve(rollouts)
    },
  }
}
