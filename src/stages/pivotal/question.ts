import type { Bought } from './rollouts.ts'
import type { Judge } from './judge.ts'

/** What the traces of one question share: the verdicts, and every rollout bought so far. A rollout that passes through a
 *  node is a draw from there whatever trace it was bought for. */
export interface Question {
  readonly judge: Judge
  readonly rollouts: Bought[]
  /** Ends when the search of the last trace before this one has: traces of a question follow each other, in row order. */
  last: Promise<unknown>
}

/** Questions whose traces may still come; rows of one problem stand next to each other. */
const remembered = 64

/** Finds the question of a row, the same for all its traces. To be called in the order of the rows. */
export function questionsOf(open: (row: QuestionRow) => Judge): (row: QuestionRow) => Question {
  const recent = new Map<string, Question>()
  return (row) => {
    const key = JSON.stringify([row.id, row.answer])
    const question = recent.get(key) ?? { judge: open(row), rollouts: [], last: Promise.resolve() }
    recent.set(key, question)
    const [oldest] = recent.keys()
    if (recent.size > remembered && oldest !== undefined) recent.delete(oldest)
    return question
  }
}

interface QuestionRow {
  readonly id: string
  readonly problem: string
  readonly answer: string
}

/** The rollouts that measured the pass rate, where the row has them whole: all ended, or cut off at this search's own cap. They
 *  seed only traces that the policy did not write: what a trace was chosen from does not count at its nodes (rule S3). */
export function gateRollouts(
  row: Readonly<Record<string, unknown>>,
  {
    eos,
    maxTokens,
    onPolicy,
  }: { readonly eos: number; readonly maxTokens: number; readonly onPolicy: boolean },
): readonly Bought[] {
  const { gate_rollout_ids: all, gate_verdicts: verdicts } = row
  if (onPolicy || !Array.isArray(all) || !Array.isArray(verdicts) || all.length !== verdicts.length) return []
  const gate = (all as (readonly number[])[]).map((ids, i) => ({
    prefix: [],
    ids,
    logprobs: null,
    finishReason: ids.at(-1) === eos ? ('stop' as const) : ('length' as const),
    verdict: verdicts[i] === true ? 'equal' : 'different',
    answer: null,
    purpose: 'gate' as const,
    banned: [],
    launchSeq: i,
    seed: 0,
    sample: i,
    promptTokens: 0,
    cachedTokens: null,
  }))
  const whole = gate.every(({ ids, finishReason }) => finishReason === 'stop' || ids.length === maxTokens)
  return whole ? gate : []
}
