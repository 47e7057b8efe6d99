/** One rollout as the search sees it: where it was launched, where it left the trace, how it ended. */
export interface Rollout {
  /** Trace tokens before its launch. */
  readonly node: number
  /** First position at which it differs from the trace; the trace's length where it follows it to the end. */
  readonly diverged: number
  /** The token it has there; null where it follows the trace to the end. */
  readonly token: number | null
  readonly correct: boolean
  /** Tokens decoded for it. */
  readonly tokens: number
  /** Launched with the trace's own token at `node` forbidden: a draw of V given any other token there, not of V. */
  readonly forced: boolean
  /** Where it was launched, if not at `node`. */
  readonly branch?: Branch
  /** What was drawn, with log-probabilities under the sampler that drew it (the first one's with tokens forbidden), nats. */
  readonly drawn?: { readonly ids: readonly number[]; readonly logprobs: readonly number[] | null }
}

/** A place to launch from: after `tokens` that follow the trace's first `position` tokens, the first of them not the trace's
 *  own, and no token of `banned` next; without tokens, not the trace's own either. */
export interface Branch {
  readonly position: number
  readonly tokens: readonly number[]
  readonly banned: readonly number[]
  /** The draw is of answers not seen before alone. */
  readonly unseen: boolean
}

/** Rollouts wanted from one node. */
export interface Ask {
  readonly node: number
  readonly n: number
  readonly forced: boolean
  /** Launch there instead; the rollouts count as launched at `node`, `forced` or not. */
  readonly branch?: Branch
  /** Keys the draws: what is searched with is never what is reported (winner's curse). */
  readonly purpose: 'search' | 'confirm'
}

/** Where rollouts come from. A batch comes back whole and in launch order, so that no decision can favour rollouts that
 *  finish early. Several asks may be under way at once; the answer to each depends on how many were drawn before it from
 *  the same node, kind and purpose alone. Fewer than n: the source has closed (a cap, an abort), and the search ends. */
export interface RolloutSource {
  draw(ask: Ask): Promise<readonly Rollout[]>
  /** Forced-other draws are possible: the engine can forbid a first token. */
  readonly canForce: boolean
  /** Rollouts come with their log-probabilities and can be launched anywhere off the trace with tokens forbidden, so that
   *  answers once seen need not be drawn again. */
  readonly canBranch?: boolean
}

/** A trace to search, by token number: node k is the state after k tokens. */
export interface SearchTrace {
  /** Log-probability of each trace token under the sampler that makes the rollouts, nats. */
  readonly logprobs: readonly number[]
  /** True where that is only a lower bound. It may close a token (1 - mu is then overstated), but its change of p cannot
   *  be scaled by it: mu is estimated there from rollouts that pass. */
  readonly lowerBounds?: readonly boolean[]
  /** Ends of the units searched, ascending; token by token unless given. Sentence-level anchors give sentence ends. */
  readonly units?: readonly number[]
  /** Starts of the units whose tokens are searched, each for itself, while all other units stay closed: what a search of whole
   *  units has proposed. */
  readonly opened?: readonly number[]
  /** What that search has drawn, by what was drawn together, in order. Like `known`, it serves the search only. */
  readonly drawn?: readonly (readonly Rollout[])[]
  /** Rollouts bought earlier for this question (gate, other traces), mapped onto this trace. They serve the search only. */
  readonly known?: readonly Rollout[]
  /** Verdict of the finished trace: its last node needs no rollouts. Null where the trace goes on unseen. */
  readonly correct: boolean | null
}

/** A token that the sampler gives probability mu changes p by 1 - mu at most; a tenth of the gap is left for rounding
 *  and for other numerics, so that at gap .2 a token with mu over .82 is closed. */
export const pruneMargin = 0.9

/** A stretch of the trace that is searched whole, or not at all. */
export interface Unit {
  readonly end: number
  /** May be pivotal, if log-probabilities allow it. */
  readonly open: boolean
  /** Nothing is drawn across its end: a search of coarser units ended one there. */
  readonly seam: boolean
}

/** The units of a trace in order: every token unless it says otherwise. */
export function unitsOf({ logprobs, units, opened }: SearchTrace): readonly Unit[] {
  if (opened === undefined)
    return (units ?? [...logprobs.keys()].map((i) => i + 1)).map((end) => ({ end, open: true, seam: false }))
  return (units ?? []).flatMap((end, i): Unit[] => {
    const start = units?.[i - 1] ?? 0
    if (!opened.includes(start)) return [{ end, open: false, seam: true }]
    const tokens = Array.from({ length: end - start }, (_, at) => start + at + 1)
    return tokens.map((last) => ({ end: last, open: true, seam: last === end }))
  })
}
