import type { Interval } from '../../../statistics/estimate.ts'
import type { Side } from '../../../statistics/side.ts'
import type { Part } from './draws.ts'
import type { Leaves } from './leaves.ts'
import type { Rollout } from './source.ts'

/** How a trace is searched. `published` is the recursion of the Phi-4 report; the others are ours. */
export type SearchMode = 'published' | 'frugal' | 'thorough'

export interface SearchOptions {
  readonly mode: SearchMode
  /** Least change of the success probability at a pivotal token. */
  readonly gap: number
  /** Share of false discoveries allowed among the confirmed units of a trace. */
  readonly q: number
  /** Rollouts an estimate takes in mode `published` (50); most search rollouts that leave at one link in the others
   *  (frugal 12, thorough 32). */
  readonly rollouts?: number
  /** Most fresh rollouts on either side of a candidate (frugal and published 96, thorough 256); 0 leaves candidates
   *  unconfirmed. */
  readonly confirmRollouts?: number
  /** Fewest fresh rollouts on either side before a candidate may be confirmed (16). */
  readonly leastConfirm?: number
  /** In mode `published`: close spans by log-probabilities, which the report does not (true). The others always do. */
  readonly prune?: boolean
  /** Rollouts asked for at once from one node while searching (2). One settles most per rollout; a policy that is cheap to
   *  batch wants more: 4 cost a fifth more rollouts in the bench's worlds. */
  readonly batch?: number
  /** Keys the choice of where answers not yet seen are drawn. */
  readonly key?: readonly (string | number)[]
  /** Most rollouts for this trace, search and confirmation together. */
  readonly maxRollouts?: number
}

/** A change of the success probability with its 95 % interval, after minus before. */
export interface Change extends Interval {
  readonly delta: number
}

/** A unit that the search takes for pivotal. */
export interface Pivot {
  /** Its first token, and the node after its last: position + 1 for a token. */
  readonly position: number
  readonly end: number
  /** From the rollouts that selected it. */
  readonly search: Change
  /** From fresh rollouts only, where any were drawn (`confirmRollouts`); else from the search's. */
  readonly fresh: Change
  /** Success probabilities before and after the unit, from the same rollouts as `fresh`. */
  readonly probBefore: number
  readonly probAfter: number
  /** The two independent estimates they rest on: after the unit, and given anything else in its place. */
  readonly after: Side
  readonly other: Side
  /** Against a change of less than half the gap; fresh rollouts only. 1 without any. */
  readonly eValue: number
  /** Selected by e-BH at q among the trace's candidates, and the fresh change reaches the gap with the search's sign. */
  readonly confirmed: boolean
  /** What else the sampler did in place of its first token. */
  readonly others: readonly OtherToken[]
}

/** A token that rollouts took in place of the trace's. */
export interface OtherToken {
  readonly id: number
  /** Draws of the value after it: those that selected, and fresh ones. */
  readonly search: readonly Part[]
  readonly fresh: readonly Part[]
  /** What those that selected make of it. */
  readonly value: Side
}

/** V at a node by all rollouts of the trace and what is known without them, and an approximate 95 % interval. */
export interface NodeValue extends Interval {
  readonly node: number
  readonly value: number
}

export interface SearchResult {
  /** In order of position; the unconfirmed among them say so. */
  readonly pivots: readonly Pivot[]
  /** Every node of the trace, the last one too. */
  readonly values: readonly NodeValue[]
  /** The answers seen, where their probabilities are known. */
  readonly leaves: Leaves | null
  /** Every rollout of the search and its tests, by what was drawn together, in order. */
  readonly batches: readonly (readonly Rollout[])[]
  /** Sum of squared confirmed changes. On-policy its mean is p (1 - p) at most: a batch of traces above that reports
   *  noise. */
  readonly squaredChange: number
  readonly spent: {
    readonly searchRollouts: number
    readonly confirmRollouts: number
    readonly tokens: number
    /** Tokens closed by their log-probability alone, and units left to search. */
    readonly prunedTokens: number
    readonly candidates: number
    readonly stoppedBy: 'max rollouts' | 'closed source' | null
  }
}
