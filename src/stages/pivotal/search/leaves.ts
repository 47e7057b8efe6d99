import type { Branch, Rollout } from './source.ts'

/** Share of an outcome that is known without a draw: probability of the finished answers seen, and of the right ones. */
export interface Known {
  readonly all: number
  readonly right: number
}

/** A token after a prefix, and what is known of the answers that go on with it. */
interface Continuation {
  /** Probability of the token given what stands before it, under the sampler. */
  readonly p: number
  /** Of the answers from here on, given this token. */
  all: number
  right: number
  readonly next: Map<number, Continuation>
}

/** Answers less likely than this where they leave what was seen are not kept, nats: of a policy that is never sure none. */
const least = Math.log(1e-4)

/** Less than this is rounding. */
const rounding = 1e-9

/** Finished answers that left a trace, each with its exact probability, as a prefix tree: of a policy that is sure of most
 *  tokens a few dozen hold most of what can happen. What is known so needs no draws; the rest can be drawn from alone,
 *  by launching where an answer not yet seen would leave those that were, with their tokens forbidden (sampling without
 *  replacement from a sequence model: Shi, Bieber and Sutton 2020, arXiv:2002.09067). */
export class Leaves {
  readonly #logprobs: readonly number[]
  readonly #left = new Map<number, Continuation>()

  constructor(logprobs: readonly number[]) {
    this.#logprobs = logprobs
  }

  /** A rollout's answer, if its probability is told and large enough to matter. */
  add(rollout: Rollout): void {
    const { diverged, drawn, branch, forced, node, correct } = rollout
    if (diverged >= this.#logprobs.length || drawn?.logprobs == null) return
    const given = branch?.tokens ?? []
    const off = forced || branch !== undefined
    const from = off ? 0 : diverged - node
    const logprob = drawn.logprobs.slice(from).reduce((sum, one) => sum + one, 0)
    if (logprob < least) return
    const path = [this.#leaving(diverged)]
    for (const token of given) {
      const next = path.at(-1)?.next.get(token)
      if (next === undefined) return
      path.push(next)
    }
    // Drawn with tokens forbidden, the first one's probability is among those that were left.
    let allowed = off ? this.#allowed(path.at(-1) as Continuation, diverged, given, branch?.banned ?? []) : 1
    for (const [i, id] of drawn.ids.entries()) {
      if (i < from) continue
      const { next } = path.at(-1) as Continuation
      const known = next.get(id) ?? empty(allowed * Math.exp(drawn.logprobs[i] as number))
      next.set(id, known)
      path.push(known)
      allowed = 1
    }
    const leaf = path.at(-1) as Continuation
    if (path.length === given.length + 1 || leaf.all === 1) return
    raise(path, correct)
  }

  /** What is known of leaving the trace between two nodes, given that it is left there. */
  known(start: number, end: number): Known {
    let [all, right, leave, reach] = [0, 0, 0, 1]
    for (let at = start; at < end; at++) {
      const left = this.#left.get(at)
      all += reach * (left?.all ?? 0)
      right += reach * (left?.right ?? 0)
      leave += reach * this.#leave(at)
      reach *= Math.exp(this.#logprobs[at] as number)
    }
    return leave < rounding
      ? { all: 0, right: 0 }
      : { all: Math.min(1, all / leave), right: Math.min(1, right / leave) }
  }

  /** What is known of V at every node of a trace whose own verdict is known. */
  knownFrom(verdict: boolean): readonly Known[] {
    const nodes: Known[] = [{ all: 1, right: verdict ? 1 : 0 }]
    for (let at = this.#logprobs.length - 1; at >= 0; at--) {
      const mu = Math.exp(this.#logprobs[at] as number)
      const after = nodes.at(-1) as Known
      const left = this.#left.get(at)
      const all = Math.min(1, mu * after.all + (left?.all ?? 0))
      nodes.push({ all, right: Math.min(all, mu * after.right + (left?.right ?? 0)) })
    }
    return nodes.reverse()
  }

  /** Probability that the sampler takes a token in place of the trace's; null where no seen answer told it. */
  probabilityOf(position: number, token: number): number | null {
    return this.#left.get(position)?.next.get(token)?.p ?? null
  }

  /** What is known of going on with a token that is not the trace's. */
  after(position: number, token: number): Known {
    const { all, right } = this.#left.get(position)?.next.get(token) ?? { all: 0, right: 0 }
    return { all, right }
  }

  /** Where to launch a draw of leaving between two nodes: of an answer not yet seen, or of any. `uniform` in [0, 1). */
  pick(start: number, end: number, unseen: boolean, uniform: number): Branch {
    const weights: number[] = []
    let reach = 1
    for (let at = start; at < end; at++) {
      weights.push(reach * remaining(this.#leave(at) - (unseen ? (this.#left.get(at)?.all ?? 0) : 0)))
      reach *= Math.exp(this.#logprobs[at] as number)
    }
    const { chosen, uniform: rest } = choose(weights, uniform)
    const position = start + chosen
    const left = this.#left.get(position)
    if (!unseen || left === undefined) return { position, tokens: [], banned: [], unseen }
    return { position, ...this.#descend(left, this.#leave(position), [], rest), unseen }
  }

  /** Where to launch a draw of going on with a token that is not the trace's. */
  pickAfter(position: number, token: number, uniform: number): Branch {
    const known = this.#left.get(position)?.next.get(token)
    if (known === undefined) return { position, tokens: [token], banned: [], unseen: true }
    return { position, ...this.#descend(known, 1, [token], uniform), unseen: true }
  }

  /** The place under a continuation where an unseen answer leaves the seen ones. */
  #descend(
    at: Continuation,
    mass: number,
    before: readonly number[],
    uniform: number,
  ): Omit<Branch, 'position' | 'unseen'> {
    const next = [...at.next]
    const others = unlisted(at, mass)
    const unseen = next.map(([, { p, all }]) => p * remaining(1 - all))
    const { chosen, uniform: rest } = choose([others, ...unseen], uniform)
    const below = next[chosen - 1]
    // Where nothing but rounding is left, any answer: with every token forbidden there would be none.
    if (below === undefined) return { tokens: before, banned: others > 0 ? [...at.next.keys()] : [] }
    return this.#descend(below[1], 1, [...before, below[0]], rest)
  }

  #leaving(position: number): Continuation {
    const known = this.#left.get(position) ?? empty(1)
    this.#left.set(position, known)
    return known
  }

  #leave(position: number): number {
    return -Math.expm1(this.#logprobs[position] as number)
  }

  #allowed(at: Continuation, position: number, given: readonly number[], banned: readonly number[]): number {
    const whole = given.length === 0 ? this.#leave(position) : 1
    return Math.max(
      0,
      banned.reduce((left, token) => left - (at.next.get(token)?.p ?? 0), whole),
    )
  }
}

const empty = (p: number): Continuation => ({ p, all: 0, right: 0, next: new Map() })

/** Probability of tokens that no seen answer goes on with. */
function unlisted({ next }: Continuation, mass: number): number {
  return remaining([...next.values()].reduce((sum, { p }) => sum - p, mass))
}

const remaining = (mass: number): number => (mass < rounding ? 0 : mass)

/** The last of the path is a whole answer now. */
function raise(path: readonly Continuation[], correct: boolean): void {
  let [all, right] = [1, correct ? 1 : 0]
  for (const at of path.toReversed()) {
    at.all = Math.min(1, at.all + all)
    at.right = Math.min(at.all, at.right + right)
    all *= at.p
    right *= at.p
  }
}

/** One of the weights by chance, and the chance that is left for the next choice. */
function choose(
  weights: readonly number[],
  uniform: number,
): { readonly chosen: number; readonly uniform: number } {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let left = uniform * total
  for (const [chosen, weight] of weights.entries()) {
    if (left < weight) return { chosen, uniform: left / weight }
    left -= weight
  }
  return {
    chosen: Math.max(
      0,
      weights.findLastIndex((weight) => weight > 0),
    ),
    uniform: 0.5,
  }
}
