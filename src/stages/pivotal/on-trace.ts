import { type Bought, isCorrect } from './rollouts.ts'
import type { Rollout } from './search/source.ts'

/** A rollout as the search of a trace sees it; null where it says nothing of that trace: it was launched off it, or kept from
 *  another token than the trace has. */
export function onTrace(rollout: Bought, trace: readonly number[]): Rollout | null {
  const { prefix, ids, banned } = rollout
  const node = prefix.length
  if (node >= trace.length || prefix.some((id, i) => id !== trace[i])) return null
  if (banned !== null && banned !== trace[node]) return null
  let along = 0
  while (along < ids.length && ids[along] === trace[node + along]) along++
  const diverged = node + along
  return {
    node,
    diverged,
    // Cut off while still on the trace, by a context that is shorter than the cap: it has failed here, by no token.
    token: diverged < trace.length ? (ids[along] ?? -1) : null,
    correct: isCorrect(rollout),
    tokens: ids.length,
    forced: banned !== null,
  }
}
