import { pruneMargin } from './source.ts'

/** A trace to search, by token number: node k is the state after k tokens. */
export interface EstimatedTrace {
  /** Log-probability of each token under the sampler that estimates, nats. */
  readonly logprobs: readonly number[]
  /** Probability of success at node k; asked at most once a node. */
  readonly estimate: (node: number) => Promise<number>
  /** Tokens that are looked at, where not all are. */
  readonly open?: readonly boolean[]
}

export interface PublishedOptions {
  /** Least change of the success probability at a pivotal token. */
  readonly gap: number
  /** Close spans whose log-probabilities alone exclude a pivotal token. */
  readonly prune: boolean
}

export interface PublishedResult {
  /** Number of each pivotal token: token k leads from node k to node k + 1. */
  readonly pivots: readonly number[]
  readonly nodesEstimated: number
  /** Tokens whose log-probability alone excludes that they are pivotal. */
  readonly tokensPruned: number
}

/** Shares such as .7 - .5 miss .2 by rounding. */
export const rounding = 1e-9

/** Pivotal token search as published: Phi-4 report, section 4.3, figure 5 (papers name it PTS). A span is divided at the
 *  midpoint of its cumulative log-probability while its ends differ by the gap; estimates are memoised. Pruning is
 *  ours: V(s+t) - V(s) = (1 - mu)(V(s+t) - V_other) is an identity, so a span whose every token has 1 - mu under the gap
 *  holds no pivotal token. Changes that cancel inside a span are missed, as by the published search. */
export async function searchPivots(
  { logprobs, estimate, open }: EstimatedTrace,
  { gap, prune }: PublishedOptions,
): Promise<PublishedResult> {
  const known = new Map<number, Promise<number>>()
  const at = (node: number): Promise<number> => {
    const value = known.get(node) ?? estimate(node)
    known.set(node, value)
    return value
  }
  const mayPivot = logprobs.map(
    (logprob, i) => open?.[i] !== false && (!prune || 1 - Math.exp(logprob) >= pruneMargin * gap),
  )
  const pivots: number[] = []
  const subdivide = async (start: number, end: number): Promise<void> => {
    if (!mayPivot.slice(start, end).includes(true)) return
    const [before, after] = await Promise.all([at(start), at(end)])
    // Also where an estimate could not be bought.
    if (!(Math.abs(after - before) >= gap - rounding)) return
    if (end - start === 1) {
      pivots.push(start)
      return
    }
    const middle = splitPoint(logprobs, start, end)
    await subdivide(start, middle)
    await subdivide(middle, end)
  }
  await subdivide(0, logprobs.length)
  return { pivots, nodesEstimated: known.size, tokensPruned: mayPivot.filter((may) => !may).length }
}

/** The inner node whose cumulative log-probability is nearest half of the span's; the first of equals. */
export function splitPoint(logprobs: readonly number[], start: number, end: number): number {
  const half = sum(logprobs, start, end) / 2
  let [best, nearest, reached] = [start + 1, Infinity, 0]
  for (let node = start + 1; node < end; node++) {
    reached += finite(logprobs[node - 1] as number)
    const distance = Math.abs(reached - half)
    if (distance < nearest - 1e-12) [best, nearest] = [node, distance]
  }
  return best
}

function sum(logprobs: readonly number[], start: number, end: number): number {
  let total = 0
  for (let i = start; i < end; i++) total += finite(logprobs[i] as number)
  return total
}

/** A token outside the sampler's truncation has probability 0; 1e4 nats is as good, and can be halved. */
const finite = (logprob: number): number => Math.max(logprob, -1e4)
