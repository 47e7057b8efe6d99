import type { Estimate } from '../../../statistics/estimate.ts'
import type { Link } from './chain.ts'
import type { Rollout } from './source.ts'

/** Rollouts sorted by what they are draws of. Where a rollout leaves the trace is a matter of exact log-probabilities
 *  alone; how it then ends is a draw of the value of leaving that link, wherever it was launched. And it is a draw of V at
 *  every node it passed. */
export class Tally {
  readonly links: readonly Link[]
  readonly rollouts: Rollout[] = []
  readonly #leftSuccesses: Float64Array
  readonly #leftTrials: Float64Array
  readonly #atNode: { successes: number; trials: number; launched: number; forcedLaunched: number }[]
  /** The link in which a token lies. */
  readonly #linkAt: Int32Array

  constructor(links: readonly Link[]) {
    this.links = links
    this.#leftSuccesses = new Float64Array(links.length)
    this.#leftTrials = new Float64Array(links.length)
    const nodes = (links.at(-1) as Link).end
    this.#linkAt = new Int32Array(nodes)
    for (const [k, { start, end }] of links.entries()) this.#linkAt.fill(k, start, end)
    this.#atNode = Array.from({ length: nodes }, () => ({
      successes: 0,
      trials: 0,
      launched: 0,
      forcedLaunched: 0,
    }))
  }

  /** Tokens of the trace. */
  get length(): number {
    return this.link(this.links.length - 1).start
  }

  link(k: number): Link {
    return this.links[k] as Link
  }

  add(rollouts: readonly Rollout[]): void {
    for (const rollout of rollouts) this.#addOne(rollout)
  }

  /** Rollouts that left the trace within link k after reaching its start. */
  left(k: number): Estimate {
    return { successes: this.#leftSuccesses[k] as number, trials: this.#leftTrials[k] as number }
  }

  /** Rollouts that reached a node without being forced there. */
  at(node: number): Estimate {
    const { successes, trials } = this.#atNode[node] ?? { successes: 0, trials: 0 }
    return { successes, trials }
  }

  /** Rollouts launched at a node, none forbidden its own token. */
  launched(node: number): number {
    return this.#atNode[node]?.launched ?? 0
  }

  /** Unforced rollouts that reached the start of link k, and how many of them left within it. */
  leaving(k: number): Estimate {
    const { start, end } = this.link(k)
    const here = this.rollouts.filter(
      ({ node, diverged, forced }) => !forced && node <= start && diverged >= start,
    )
    return { successes: here.filter(({ diverged }) => diverged < end).length, trials: here.length }
  }

  /** The rollouts that left at link k: what else the sampler does there. */
  others(k: number): readonly Rollout[] {
    const { start, end } = this.link(k)
    return this.rollouts.filter(({ node, diverged }) => node <= start && diverged >= start && diverged < end)
  }

  nodes() {
    return this.#atNode.flatMap(({ successes, trials, launched, forcedLaunched }, node) =>
      trials + forcedLaunched === 0
        ? []
        : [{ node, estimate: { successes, trials }, launched, forcedLaunched }],
    )
  }

  #addOne(rollout: Rollout): void {
    const { node, diverged, correct, forced } = rollout
    const success = correct ? 1 : 0
    this.rollouts.push(rollout)
    const k = this.#linkAt[diverged] as number
    if (node <= this.link(k).start) {
      this.#leftTrials[k] = (this.#leftTrials[k] as number) + 1
      this.#leftSuccesses[k] = (this.#leftSuccesses[k] as number) + success
    }
    const from = this.#atNode[node]
    if (from === undefined) return
    if (forced) {
      from.forcedLaunched++
      return
    }
    from.launched++
    for (const passed of this.#atNode.slice(node, diverged + 1)) {
      passed.trials++
      passed.successes += success
    }
  }
}
