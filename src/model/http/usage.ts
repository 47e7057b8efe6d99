import { z } from 'zod'
import type { Usage } from '../model.ts'

const count = z.number().nonnegative()
const reported = z.object({
  usage: z.object({
    prompt_tokens: count,
    completion_tokens: count.nullish(),
    prompt_tokens_details: z.object({ cached_tokens: count.nullish() }).nullish(),
    completion_tokens_details: z.object({ reasoning_tokens: count.nullish() }).nullish(),
  }),
})

/** Tokens of a reply as the server bills them. A reply that does not say counts as the most it can have taken: a limit on
 *  spending must hold there too. */
export function usageIn(reply: unknown, most: Usage): Usage {
  const { data } = reported.safeParse(reply)
  if (data === undefined) return most
  const { prompt_tokens: prompt, completion_tokens: completion } = data.usage
  return {
    promptTokens: prompt,
    cachedTokens: Math.min(prompt, data.usage.prompt_tokens_details?.cached_tokens ?? 0),
    completionTokens: completion ?? most.completionTokens,
    reasoningTokens: data.usage.completion_tokens_details?.reasoning_tokens ?? 0,
  }
}

/** The most tokens a request can take. Text has at least three bytes a token in ordinary language; that is a guess, and only
 *  the reserve of a rate limit and a reply without usage rest on it. */
export function mostTokens(body: Readonly<Record<string, unknown>>): Usage {
  const { prompt, messages, n, max_tokens: limit, max_completion_tokens: otherLimit } = body
  const completions = (typeof n === 'number' ? n : 1) * Number(limit ?? otherLimit ?? 0)
  const promptTokens = Array.isArray(prompt)
    ? prompt.length
    : Math.ceil(Buffer.byteLength(JSON.stringify(prompt ?? messages ?? '')) / 3)
  return { promptTokens, cachedTokens: 0, completionTokens: completions, reasoningTokens: 0 }
}
