import { readFileSync } from 'node:fs'

/** Rollouts that came out right after so many tokens of the trace, and how many there were. */
export type TrueNode = readonly [successes: number, trials: number]

/** A trace of the student with its success probability at every node but the last, which is its own verdict. */
export interface TrueTrace {
  readonly id: string
  readonly problem: string
  readonly answer: string
  readonly text: string
  readonly trace: readonly number[]
  /** Of each token under the sampler, nats. */
  readonly logprobs: readonly number[]
  readonly nodes: readonly TrueNode[]
  readonly correct: boolean
  /** Change of the success probability over each token that may be pivotal, with its standard error. */
  readonly changes: readonly { readonly at: number; readonly change: number; readonly error: number }[]
}

/** The one sampler of all rollouts. */
export const rule = { temperature: 1, topP: 1, topK: 0, maxTokens: 96 }

/** What make.ts measured. */
export function readTruth(): { readonly model: string; readonly traces: readonly TrueTrace[] } {
  const file = new URL('student.json', import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof readTruth>
}

/** Success probability at node k of a trace. */
export function valueAt({ nodes, correct }: TrueTrace, node: number): number {
  const [successes, trials] = nodes[node] ?? [Number(correct), 1]
  return successes / trials
}

/** Change of the success probability over the token at a position. */
export function changeAt(trace: TrueTrace, at: number): number {
  const known = trace.changes.find((one) => one.at === at)
  return known?.change ?? valueAt(trace, at + 1) - valueAt(trace, at)
}

/** Positions whose token changes the success probability by the gap at least. */
export function truePivots(trace: TrueTrace, gap: number): number[] {
  return trace.changes.flatMap(({ at, change }) => (Math.abs(change) >= gap ? [at] : []))
}
