/** The data inside an explorer page: written by this room, read by the script in page/. Lists of figures are tuples, since a page
 *  may hold tens of thousands of them. */

/** Position (tokens of the trace before it), change of the success probability, confirmed, has a certified pair. */
export type PivotMark = readonly [position: number, delta: number, confirmed: 0 | 1, paired: 0 | 1]

/** A trace as the list, the filters and the histogram need it. */
export interface TraceLine {
  readonly question: string
  /** Beginning of the problem. */
  readonly problem: string
  /** Null where the data do not say who wrote it. */
  readonly onPolicy: boolean | null
  /** Tokens, end token included. */
  readonly length: number
  /** Bought for it; null where the data do not say. */
  readonly rollouts: number | null
  readonly pivots: readonly PivotMark[]
}

/** Figures of the whole dataset, whether or not all of its traces are in the page; null where the data do not say. */
export interface Counts {
  readonly traces: number
  readonly pivots: number
  readonly confirmed: number
  readonly pairs: number
  readonly tokens: number | null
  /** Of the tokens, those that their log-probability alone closed. */
  readonly pruned: number | null
  readonly rollouts: {
    readonly search: number
    readonly confirm: number
    readonly pair: number
    readonly known: number
  } | null
}

/** What a page opens with. */
export interface ExplorerIndex {
  readonly name: string
  readonly note: string
  readonly counts: Counts
  /** Largest change first. */
  readonly traces: readonly TraceLine[]
}

/** 1 where the answer came out right, and its text from the branch on. */
export type Example = readonly [correct: 0 | 1, text: string]

/** Where and with which token rollouts left the trace; `at` is the node before that token. */
export interface Branch {
  readonly at: number
  readonly token: string
  readonly successes: number
  readonly trials: number
  /** Of the trials, those drawn with tokens forbidden, or with this one given. */
  readonly forced: number
  /** Of those, the ones kept from answers seen in this branch: with any of them the trials are counts, and no share. */
  readonly steered: number
  readonly examples: readonly Example[]
}

/** One of the two ways on at a pivotal token. */
export interface Side {
  readonly token: string
  /** The token that the trace has there; else another one, or all others together. */
  readonly which: 'own' | 'other' | 'others'
  readonly p: number
  readonly low: number
  readonly high: number
  readonly trials: number
  /** Share of what can happen there that is known from answers seen, the trials being of the rest: untold where the data do not
   *  say how much; null in datasets of before, where nothing was. */
  readonly known: number | 'untold' | null
  readonly logprob: number | null
  readonly examples: readonly Example[]
}

/** A pivotal token with both ways on. */
export interface PivotDetail {
  readonly position: number
  /** Tokens it spans: 1 unless whole sentences were searched. */
  readonly span: number
  readonly context: string
  readonly token: string
  readonly before: number
  readonly after: number
  readonly delta: number
  readonly low: number
  readonly high: number
  readonly confirmed: boolean
  /** A certified pair: the sides have disjoint intervals. */
  readonly paired: boolean
  readonly facts: readonly Fact[]
  readonly better: Side | null
  readonly worse: Side | null
}

export type Fact = readonly [label: string, value: string]

/** Trials are rollouts that reached the node along the trace by themselves; forced ones were kept from the trace's token there, or
 *  launched off the trace after it. The value is null where nothing is known of it. */
export type NodeFigures = readonly [
  node: number,
  successes: number,
  trials: number,
  launched: number,
  forced: number,
  value: number | null,
  low: number,
  high: number,
]

/** Everything that the page of one trace shows. */
export interface TraceDetail {
  readonly trace: string
  readonly problem: string
  readonly answer: string | null
  readonly facts: readonly Fact[]
  readonly tokens: readonly string[]
  /** Position of each token in the trace; null where token i stands at i. */
  readonly positions: readonly number[] | null
  /** Nats; null where the data do not say. */
  readonly logprobs: readonly number[] | null
  readonly pruned: readonly (0 | 1)[] | null
  readonly nodes: readonly NodeFigures[]
  /** Values of nodes come from all rollouts, weighed by log-probabilities; else each is the share of those that reached it. */
  readonly weighed: boolean
  readonly pivots: readonly PivotDetail[]
  readonly branches: readonly Branch[]
}
