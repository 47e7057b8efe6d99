import { type Bought, isCorrect } from './rollouts.ts'
import type { Ask, Rollout } from './search/source.ts'

/** A rollout as the search of a trace sees it; null where it says nothing of that trace: it was launched off it, or kept from
 *  other tokens than the trace's alone. */
export function onTrace(rollout: Bought, trace: readonly number[]): Rollout | null {
  const { prefix, ids, logprobs, banned } = rollout
  const node = prefix.length
  if (node >= trace.length || prefix.some((id, i) => id !== trace[i])) return null
  if (banned.length > 1 || (banned.length === 1 && banned[0] !== trace[node])) return null
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
    forced: banned.length > 0,
    drawn: { ids, logprobs },
  }
}

/** A rollout bought for this trace, wherever it was launched: off the trace it says nothing of the nodes that it was not drawn
 *  from, but where it left. */
export function alongTrace(rollout: Bought, trace: readonly number[]): Rollout | null {
  const off = givenOf(rollout, trace)
  const [token] = off
  if (token === undefined && rollout.banned.length < 2) return onTrace(rollout, trace)
  const node = rollout.prefix.length - off.length
  if (node >= trace.length) return null
  const { ids, banned } = rollout
  return {
    ...{ node, diverged: node, token: token ?? ids[0] ?? -1, correct: isCorrect(rollout) },
    ...{ tokens: ids.length, forced: token !== undefined || banned.length > 0 },
  }
}

/** Tokens before its launch that are not the trace's. */
export function givenOf({ prefix }: Pick<Bought, 'prefix'>, trace: readonly number[]): readonly number[] {
  const at = prefix.findIndex((id, i) => id !== trace[i])
  return at < 0 ? [] : prefix.slice(at)
}

/** What a search asks for, as its launch: after which tokens, and which must not come next. */
export function launchOf({ node, forced, branch }: Ask, trace: readonly number[]) {
  const { position, tokens, banned } = branch ?? { position: node, tokens: [], banned: [] }
  const own = tokens.length === 0 && (forced || branch !== undefined) ? [trace[position] as number] : []
  return { prefix: [...trace.slice(0, position), ...tokens], banned: [...own, ...banned] }
}

/** The answer to an ask, as the search of the trace sees it. */
export function answerTo(
  ask: Ask,
  rollouts: readonly Bought[],
  trace: readonly number[],
): readonly Rollout[] {
  const { node, forced, branch } = ask
  if (branch === undefined) return rollouts.flatMap((one) => onTrace(one, trace) ?? [])
  return rollouts.map((one) => ({
    ...{ node, forced, branch, diverged: branch.position, correct: isCorrect(one), tokens: one.ids.length },
    token: branch.tokens[0] ?? one.ids[0] ?? -1,
    drawn: one,
  }))
}
