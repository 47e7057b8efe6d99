import { intervalOf, probability, type Side } from '../../../statistics/side.ts'
import { leaveOf } from './beliefs.ts'
import { boundsOf, Draws } from './draws.ts'
import { sideOf } from './evidence.ts'
import type { NodeValue } from './result.ts'
import type { Tally } from './tally.ts'

/** V at every node of a trace, backward from its end: V(node) = Pi V(end of link) + (1 - Pi) V(leaving the link), by all
 *  rollouts, whatever they were drawn for. The values of leaving are measured apart, so their variances add up. */
export function valuesAlong(
  logprobs: readonly number[],
  tallies: readonly [Tally, ...Tally[]],
  verdict: boolean | null,
): readonly NodeValue[] {
  const [tally] = tallies
  const last = tally.links.length - 1
  const rest = verdict === null ? pointOf(leaving(tallies, last)) : { value: verdict ? 1 : 0, variance: 0 }
  const nodes: NodeValue[] = [nodeOf(tally.length, rest)]
  let after = rest
  for (let k = last - 1; k >= 0; k--) {
    const { start, end, leave: most } = tally.link(k)
    const other = pointOf(leaving(tallies, k))
    // Where log-probabilities only bound it, what is counted.
    const scale = most === 0 ? 1 : leaveOf(tally.link(k), tally, k) / most
    let [sum, before] = [0, after]
    for (let node = end - 1; node >= start; node--) {
      sum += logprobs[node] as number
      const leave = -Math.expm1(sum) * scale
      before = {
        value: (1 - leave) * after.value + leave * other.value,
        variance: (1 - leave) ** 2 * after.variance + leave ** 2 * other.variance,
      }
      nodes.push(nodeOf(node, before))
    }
    after = before
  }
  return nodes.reverse()
}

interface Point {
  readonly value: number
  readonly variance: number
}

function leaving(tallies: readonly [Tally, ...Tally[]], k: number): Side {
  const parts = tallies.flatMap((tally) => tally.left(k).parts)
  return sideOf(new Draws(parts), boundsOf(tallies[0].known(k)), { mean: 0.5, worth: 0 })
}

/** Without a draw the middle of what is possible, with all of that as its interval. */
function pointOf(side: Side): Point {
  const { low, high } = intervalOf(side)
  return { value: probability(side), variance: ((high - low) / 2 / 1.96) ** 2 }
}

const nodeOf = (node: number, { value, variance }: Point): NodeValue => {
  const half = 1.96 * Math.sqrt(variance)
  return { node, value, low: Math.max(0, value - half), high: Math.min(1, value + half) }
}
