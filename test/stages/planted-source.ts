import type { Rollout, RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { rngFor } from '../../src/statistics/random.ts'
import type { World } from './toy-world.ts'

/** Rollouts of a world whose values are known: a rollout follows the trace while its draws agree with it, and where it
 *  leaves it succeeds with the value of leaving. Token 1 is every other token; one that follows to the end, null. */
export function plantedSource(
  world: World,
  canForce: boolean,
  ...key: readonly (string | number)[]
): RolloutSource {
  const { logprobs, values, others } = world
  const length = logprobs.length
  const streams = new Map<string, ReturnType<typeof rngFor>>()
  return {
    canForce,
    draw: ({ node, n, forced, purpose }) => {
      const name = `${node} ${forced} ${purpose}`
      const random = streams.get(name) ?? rngFor('rollouts', ...key, node, forced ? 1 : 0, purpose)
      streams.set(name, random)
      const rollouts: Rollout[] = []
      while (rollouts.length < n) {
        let diverged = node
        if (!forced)
          while (diverged < length && random.next() < Math.exp(logprobs[diverged] as number)) diverged++
        const value = diverged < length ? others[diverged] : values[length]
        const [token, tokens] = [diverged < length ? 1 : null, length - node + 1]
        rollouts.push({ node, diverged, token, correct: random.next() < (value as number), tokens, forced })
      }
      return Promise.resolve(rollouts)
    },
  }
}
