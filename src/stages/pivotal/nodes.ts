import { wilson } from '../../statistics/estimate.ts'
import type { NodeValue } from './search/result.ts'
import type { Rollout } from './search/source.ts'

/** What is known of every node that rollouts have reached, and of those between the units searched; those `launched` are the ones
 *  bought for this trace. */
export function nodesOf(along: readonly Rollout[], bought: readonly Rollout[], values: readonly NodeValue[]) {
  const nodes = values.slice(0, -1).map(({ node, value, low, high }) => ({
    ...{ node, successes: 0, trials: 0, launched: 0, forced_launched: 0 },
    ...{ value, value_low: low, value_high: high },
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
  return nodes.map((one) => ({ ...one, ...wilson(one) }))
}

/** A sentence end counts as the end of a step with this many rollouts through it at least, or where all that is known of its
 *  value leaves it no wider an interval than so many would at .5. Our choice. */
const leastTrials = 8
const enough = wilson({ successes: leastTrials / 2, trials: leastTrials })

interface Steps {
  readonly tokens: readonly string[]
  readonly ends: readonly number[]
  readonly correct: boolean
  readonly values: readonly NodeValue[]
}

/** The trace in steps: sentences, together with those before them whose ends too little is known of. The verdict of the whole
 *  trace is known. */
export function stepsOf(rollouts: readonly Rollout[], { tokens, ends, correct, values }: Steps) {
  const inner = ends.slice(0, -1).map((end) => {
    const { value, low, high } = values[end] as NodeValue
    const through = rollouts.filter(({ diverged }) => diverged >= end)
    const right = correct || through.some((rollout) => rollout.correct)
    return { end, value, value_low: low, value_high: high, right, trials: through.length }
  })
  const known = inner.filter(
    ({ value_low: low, value_high: high, trials }) =>
      trials >= leastTrials || high - low <= enough.high - enough.low,
  )
  const verdict = correct ? 1 : 0
  const ended = { value: verdict, value_low: verdict, value_high: verdict, right: correct, trials: 1 }
  let from = 0
  return [...known, { end: tokens.length, ...ended }].map(({ end, ...step }) => {
    const text = tokens.slice(from, end).join('')
    from = end
    return { text, ...step }
  })
}
