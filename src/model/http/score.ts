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

/** Log-probabilities of ids[from..] before temperature, nats. */
export function readScores(
  { choices: [choice] }: CompletionReply,
  ids: readonly number[],
  from: number,
  way: ScoreWay,
): number[] {
  return ids.slice(from).map((id, i) => {
    const at = from + i
    const value =
      way === 'echo'
        ? choice?.logprobs?.token_logprobs?.[at]
        : choice?.prompt_logprobs?.[at]?.[String(id)]?.logprob
    if (typeof value !== 'number' || !(value <= 1e-6)) {
      throw new IncompleteReply(`the reply has no log-probability of prompt token ${at}`)
    }
    return Math.min(value, 0)
  })
}
