import { readFileSync } from 'node:fs'
import { pruneMargin } from '../../../src/stages/pivotal/search/source.ts'

/** Rollouts that came out right after so many tokens of the trace, and how many there were. */
export type TrueNode = readonly [successes: number, trials: number]

/** A trace of the student with its success probability at every node but the last, which is its own verdict. */
export interface PlainTrace {
  readonly id: string
  readonly problem: string
  readonly answer: string
  readonly text: string
  readonly trace: readonly number[]
  /** Of each token under the sampler, nats. */
  readonly logprobs: readonly number[]
  readonly nodes: readonly TrueNode[]
  readonly correct: boolean
}

/** Change of the success probability over a token, with its standard error. */
export interface TrueChange {
  readonly at: number
  readonly change: number
  readonly error: number
}

/** The same trace with the change over each open token by another way than these rollouts. */
export interface TrueTrace extends PlainTrace {
  readonly changes: readonly TrueChange[]
}

/** The one sampler of all rollouts. */
export const rule = { temperature: 1, topP: 1, topK: 0, maxTokens: 96 }

/** Least change of the success probability at a pivotal token. */
export const gap = 0.2

/** What make.ts measured. */
export function readTruth(): {
  readonly model: string
  readonly rollouts: { readonly gate: number; readonly every: number; readonly candidate: number }
  readonly traces: readonly TrueTrace[]
} {
  const file = new URL('student.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof readTruth>
}

/** The log-probability of the token does not exclude that it is pivotal: its probability is .82 at most. */
export function isOpen({ logprobs }: PlainTrace, at: number): boolean {
  return -Math.expm1(logprobs[at] as number) >= pruneMargin * gap
}

/** Success probability at node k of a trace, by plain rollouts. */
export function valueAt({ nodes, correct }: PlainTrace, node: number): number {
  const [successes, trials] = nodes[node] ?? [Number(correct), 1]
  return successes / trials
}

/** Change of the success probability over the token at a position: exact where the token is open, else by plain rollouts. */
export function changeAt(trace: TrueTrace, at: number): number {
  const known = trace.changes.find((one) => one.at === at)
  return known?.change ?? valueAt(trace, at + 1) - valueAt(trace, at)
}

/** Standard error of an exact change. */
export function errorAt({ changes }: TrueTrace, at: number): number {
  return changes.find((one) => one.at === at)?.error ?? 0
}

/** Positions whose token changes the success probability by so much at least. */
export function truePivots(trace: TrueTrace, least: number): number[] {
  return trace.changes.flatMap(({ at, change }) => (Math.abs(change) >= least ? [at] : []))
}

/** How the exact changes and the plain rollouts at both ends of the same tokens agree: two measurements that share no draw. Their
 *  difference in standard errors has a root mean square of 1 and exceeds 2 once in twenty if both are right. */
export function agreement(traces: readonly TrueTrace[]) {
  const z = traces.flatMap((trace) =>
    trace.changes.map(({ at, change, error }) => {
      const sampled = valueAt(trace, at + 1) - valueAt(trace, at)
      const variance = varianceAt(trace, at) + varianceAt(trace, at + 1) + error ** 2
      return (change - sampled) / Math.sqrt(variance)
    }),
  )
  return {
    tokens: z.length,
    rootMeanSquare: Math.sqrt(z.reduce((sum, one) => sum + one ** 2, 0) / z.length),
    beyondTwo: z.filter((one) => Math.abs(one) > 2).length,
  }
}

/** Of the share of right rollouts at a node; smoothed, since a share of none has an error too. */
function varianceAt({ nodes }: PlainTrace, node: number): number {
  const [successes, trials] = nodes[node] ?? [0, Infinity]
  if (trials === Infinity) return 0
  const p = (successes + 0.5) / (trials + 1)
  return (p * (1 - p)) / trials
}
