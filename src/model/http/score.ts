import type { TokenScore } from '../model.ts'
import { completionBody, type CompletionReply, type Dialect } from './completions.ts'
import { IncompleteReply } from './failure.ts'

/** How a server gives the log-probabilities of tokens it is given: vLLM's prompt_logprobs, or echo. */
export type ScoreWay = 'prompt_logprobs' | 'echo'

const whole = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 1, seed: 0 }

export function scoreBody(
  model: string,
  ids: readonly number[],
  way: ScoreWay,
  dialect: Dialect,
): Record<string, unknown> {
  const body = completionBody(model, ids, whole, dialect)
  return way === 'echo' ? { ...body, echo: true } : { ...body, prompt_logprobs: 0 }
}

/** Scores of ids[from..] before temperature. */
export function readScores(
  { choices: [choice] }: CompletionReply,
  ids: readonly number[],
  from: number,
  way: ScoreWay,
): TokenScore[] {
  return ids.slice(from).map((id, i) => {
    const at = from + i
    const entry = way === 'echo' ? undefined : choice?.prompt_logprobs?.[at]?.[String(id)]
    const value = way === 'echo' ? choice?.logprobs?.token_logprobs?.[at] : entry?.logprob
    if (typeof value !== 'number' || !(value <= 1e-6)) {
      throw new IncompleteReply(`the reply has no log-probability of prompt token ${at}`)
    }
    const isGreedy = entry?.rank === undefined ? null : entry.rank === 1
    return { logprob: Math.min(value, 0), entropy: null, isGreedy }
  })
}
