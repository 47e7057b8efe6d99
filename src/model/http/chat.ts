import { z } from 'zod'
import type { Completion, Message, SampleOptions } from '../model.ts'
import { inOrder, whatLacks } from './completions.ts'
import { IncompleteReply } from './failure.ts'

/** What a chat endpoint was seen to understand. */
export interface ChatDialect {
  /** Hosted reasoning models want the second. */
  readonly limit: 'max_tokens' | 'max_completion_tokens'
  readonly many: boolean
}

/** Body for /v1/chat/completions: the fields every endpoint knows, and top_k and min_p only where they are on. */
export function chatBody(
  model: string,
  messages: readonly Message[],
  { n, temperature, topP, topK, minP = 0, maxTokens, seed }: Omit<SampleOptions, 'signal'>,
  { limit }: ChatDialect,
): Record<string, unknown> {
  return {
    model,
    messages,
    n,
    temperature,
    top_p: topP,
    ...(topK > 0 && { top_k: topK }),
    ...(minP > 0 && { min_p: minP }),
    [limit]: maxTokens,
    seed,
    stream: false,
  }
}

const reply = z.object({
  choices: z
    .array(
      z.object({
        index: z.number().nullish(),
        message: z.object({
          content: z.string().nullish(),
          reasoning: z.string().nullish(),
          reasoning_content: z.string().nullish(),
        }),
        finish_reason: z.string(),
      }),
    )
    .min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number().nullish() }).nullish(),
})

/** Completions in launch order. Thinking that came apart is put back in front, between its tags. */
export function readChat(value: unknown): Completion[] {
  const read = reply.safeParse(value)
  if (!read.success) throw new IncompleteReply(`the reply has no ${whatLacks(read.error)}`)
  const { choices, usage } = read.data
  return inOrder(choices).map(({ message, finish_reason: reason }) => {
    const thought = message.reasoning ?? message.reasoning_content ?? ''
    const content = message.content ?? ''
    return {
      text: thought === '' ? content : `<think>\n${thought}\n</think>\n\n${content}`,
      tokenIds: null,
      logprobs: null,
      modelLogprobs: null,
      finishReason: reason === 'stop' ? 'stop' : 'length',
      promptTokens: usage?.prompt_tokens ?? 0,
      completionTokens: Math.round((usage?.completion_tokens ?? 0) / choices.length),
    }
  })
}
