import type { Estimate, Interval } from '../../../statistics/estimate.ts'
import type { Link } from './chain.ts'
import { boundsOf, Draws, nothing } from './draws.ts'
import type { Known, Leaves } from './leaves.ts'
import type { Rollout } from './source.ts'

/** Rollouts sorted by what they are draws of. Where a rollout leaves the trace is a matter of exact log-probabilities
 *  alone; how it then ends is a draw of the value of leaving that link, wherever it was launched. And it is a draw of V at
 *  every node it passed. A draw of answers not seen before is one of where the value lies between what is known. */
export class Tally {
  readonly links: readonly Link[]
  /** The answers seen, where their probabilities are known. */
  readonly leaves: Leaves | null
  /** All rollouts, by what was drawn together. */
  readonly batches: (readonly Rollout[])[] = []
  readonly #verdict: boolean | null
  readonly #left: readonly Draws[]
  readonly #atNode: readonly { readonly draws: Draws; launched: number }[]
  /** Draws of leaving at a position by a token. */
  readonly #byToken = new Map<number, Map<number, Draws>>()
  /** The link in which a token lies. */
  readonly #linkAt: Int32Array

  constructor(links: readonly Link[], verdict: boolean | null = null, leaves: Leaves | null = null) {
    this.links = links
    this.leaves = leaves
    this.#verdict = verdict
    this.#left = links.map(() => new Draws())
    const nodes = (links.at(-1) as Link).end
    this.#linkAt = new Int32Array(nodes)
    for (const [k, { start, end }] of links.entries()) this.#linkAt.fill(k, start, end)
    this.#atNode = Array.from({ length: nodes }, () => ({ draws: new Draws(), launched: 0 }))
  }

  /** Tokens of the trace. */
  get length(): number {
    return this.link(this.links.length - 1).start
  }

  link(k: number): Link {
    return this.links[k] as Link
  }

  /** Rollouts that were asked for together: what was known when they were launched is what is known now. */
  add(rollouts: readonly Rollout[]): void {
    const unseen = rollouts.some(({ branch }) => branch?.unseen === true)
    const ofLinks = unseen ? this.links.map((_, k) => this.known(k)) : []
    const ofNodes = unseen && this.#verdict !== null ? (this.leaves?.knownFrom(this.#verdict) ?? []) : []
    this.batches.push(rollouts)
    for (const rollout of rollouts) this.#addOne(rollout, ofLinks, ofNodes)
    for (const rollout of rollouts) this.leaves?.add(rollout)
  }

  /** What is known of leaving link k without draws. */
  known(k: number): Known {
    const { start, end, exact } = this.link(k)
    return this.leaves === null || !exact || start >= this.length ? nothing : this.leaves.known(start, end)
  }

  /** Between what V at a node lies, by what is known now. */
  boundsAt(node: number): Interval {
    const known = this.#verdict === null ? undefined : this.leaves?.knownFrom(this.#verdict)[node]
    return boundsOf(known ?? nothing)
  }

  /** Rollouts that left the trace within link k after reaching its start. */
  left(k: number): Draws {
    return this.#left[k] as Draws
  }

  /** Rollouts that reached a node without being forced there. */
  at(node: number): Draws {
    return this.#atNode[node]?.draws ?? new Draws()
  }

  /** Rollouts launched at a node, none forbidden its own token. */
  launched(node: number): number {
    return this.#atNode[node]?.launched ?? 0
  }

  /** Unforced rollouts that reached the start of link k, and how many of them left within it. */
  leaving(k: number): Estimate {
    const { start, end } = this.link(k)
    const here = this.batches
      .flat()
      .filter(({ node, diverged, forced }) => !forced && node <= start && diverged >= start)
    return { successes: here.filter(({ diverged }) => diverged < end).length, trials: here.length }
  }

  /** Draws of leaving at a position, by the token that was taken there. */
  byToken(position: number): ReadonlyMap<number, Draws> {
    return this.#byToken.get(position) ?? new Map<number, Draws>()
  }

  /** Between what the value of going on with such a token lies, by what is known now. */
  boundsAfter(position: number, token: number): Interval {
    return boundsOf(this.leaves?.after(position, token) ?? nothing)
  }

  #addOne(rollout: Rollout, ofLinks: readonly Known[], ofNodes: readonly Known[]): void {
    const { node, diverged, correct, forced, branch } = rollout
    const unseen = branch?.unseen === true
    const k = this.#linkAt[diverged] as number
    if (node <= this.link(k).start) this.left(k).add(correct, unseen ? ofLinks[k] : nothing)
    this.#addToken(rollout)
    const from = this.#atNode[node]
    if (from === undefined || forced) return
    from.launched++
    for (const [i, { draws }] of this.#atNode.slice(node, diverged + 1).entries())
      draws.add(correct, unseen ? ofNodes[node + i] : nothing)
  }

  #addToken({ diverged, token, correct, branch }: Rollout): void {
    if (token === null || token < 0) return
    const tokens = this.#byToken.get(diverged) ?? new Map<number, Draws>()
    this.#byToken.set(diverged, tokens)
    const draws = tokens.get(token) ?? new Draws()
    tokens.set(token, draws)
    draws.add(correct, branch?.unseen === true ? this.leaves?.after(diverged, token) : nothing)
  }
}
