import { type Estimate, wilson } from '../../statistics/estimate.ts'
import type { Rollout } from './search/source.ts'

/** Success at a node: every rollout that reached it along the trace is a draw from there, wherever it was launched. Those that
 *  were kept from the trace's token never do. */
export function passing(rollouts: readonly Rollout[], node: number): Estimate {
  const there = rollouts.filter(
    ({ node: launched, diverged, forced }) => !forced && launched <= node && diverged >= node,
  )
  return { successes: there.filter(({ correct }) => correct).length, trials: there.length }
}

/** What is known of every node that rollouts have reached; those `launched` are the ones bought for this trace. */
export function nodesOf(along: readonly Rollout[], bought: readonly Rollout[], length: number) {
  const nodes = Array.from({ length }, (_, node) => ({
    ...{ node, successes: 0, trials: 0, launched: 0, forced_launched: 0 },
  }))
  for (const { node, diverged, correct, forced } of along) {
    for (const passed of forced ? [] : nodes.slice(node, diverged + 1)) {
      passed.trials++
      if (correct) passed.successes++
    }
  }
  for (const { node, forced } of bought) {
    const from = nodes[node]
    if (from !== undefined) from[forced ? 'forced_launched' : 'launched']++
  }
  const reached = nodes.filter(({ trials, forced_launched: forced }) => trials + forced > 0)
  return reached.map((one) => ({ ...one, ...wilson(one) }))
}

/** A sentence end counts as the end of a step with this many rollouts at least. Our choice. */
const leastTrials = 8

/** The trace in steps: sentences, together with those before them whose ends too few rollouts reached. The verdict of the whole
 *  trace is known. */
export function stepsOf(
  rollouts: readonly Rollout[],
  { tokens, ends, correct }: { tokens: readonly string[]; ends: readonly number[]; correct: boolean },
): readonly { text: string; successes: number; trials: number }[] {
  const inner = ends.slice(0, -1).map((end) => ({ end, ...passing(rollouts, end) }))
  const whole = { end: tokens.length, successes: correct ? 1 : 0, trials: 1 }
  let from = 0
  return [...inner.filter(({ trials }) => trials >= leastTrials), whole].map(({ end, ...estimate }) => {
    const text = tokens.slice(from, end).join('')
    from = end
    return { text, ...estimate }
  })
}
