import {
  boundsOf as sideBounds,
  intervalOf,
  partsOf,
  probability,
  type Side,
  worthAt,
} from '../../../statistics/side.ts'
import { leaveOf } from './beliefs.ts'
import { boundsOf, Draws } from './draws.ts'
import { sideOf } from './evidence.ts'
import type { NodeValue } from './result.ts'
import type { Tally } from './tally.ts'

/** V at every node of a trace, backward from its end: V(node) = Pi V(end of link) + (1 - Pi) V(leaving the link), by all
 *  rollouts, whatever they were drawn for. The values of leaving are measured apart, so the squares of what their intervals
 *  leave below and above add up (Zou and Donner 2008: square and add; Newcombe's interval of a difference is one). */
export function valuesAlong(
  logprobs: readonly number[],
  tallies: readonly [Tally, ...Tally[]],
  verdict: boolean | null,
): readonly NodeValue[] {
  const [tally] = tallies
  const last = tally.links.length - 1
  const rest =
    verdict === null ? pointOf(leaving(tallies, last)) : { value: verdict ? 1 : 0, below: 0, above: 0 }
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
        below: (1 - leave) ** 2 * after.below + leave ** 2 * other.below,
        above: (1 - leave) ** 2 * after.above + leave ** 2 * other.above,
      }
      nodes.push(nodeOf(node, before))
    }
    after = before
  }
  return nodes.reverse()
}

/** A value, and the squares of how far its interval reaches below and above it. */
interface Point {
  readonly value: number
  readonly below: number
  readonly above: number
}

function leaving(tallies: readonly [Tally, ...Tally[]], k: number): Side {
  const parts = tallies.flatMap((tally) => tally.left(k).parts)
  return sideOf(new Draws(parts), boundsOf(tallies[0].known(k)), { mean: 0.5, worth: 0 })
}

/** The mean of Jeffreys' posterior: of two draws alike the next one need not be. Without a draw that is the middle of what is
 *  possible, with all of that as its interval. */
function pointOf(side: Side): Point {
  const { low, high } = intervalOf(side)
  const bounds = sideBounds(side)
  const range = bounds.high - bounds.low
  const { worth } = worthAt(partsOf(side), bounds)
  const likeliest = range > 0 ? (probability(side) - bounds.low) / range : 0.5
  const value = bounds.low + (range * (likeliest * worth + 0.5)) / (worth + 1)
  return { value, below: (value - low) ** 2, above: (high - value) ** 2 }
}

const nodeOf = (node: number, { value, below, above }: Point): NodeValue => ({
  node,
  value,
  low: Math.max(0, value - Math.sqrt(below)),
  high: Math.min(1, value + Math.sqrt(above)),
})
