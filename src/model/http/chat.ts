import { z } from 'zod'
import type { Completion, Message } from '../model.ts'
import type { Connection } from './connection.ts'
import type { Call, Part } from './dialect.ts'
import { cannot, type Endpoint, inParts } from './endpoint.ts'
import { firstUnderstood } from './probe.ts'
import { inOrder, readAs } from './reply.ts'

/** What a chat endpoint was seen to understand. */
interface ChatWay {
  /** Hosted reasoning models want the second. */
  readonly limit: 'max_tokens' | 'max_completion_tokens'
  /** Penalties of 0 said; a server that refuses the fields has no others. */
  readonly penalties: boolean
  readonly many: boolean
}

/** Asked and answered in text: nothing about it is exact. */
export const textOnly = {
  tokenIdsIn: false,
  tokenIdsOut: false,
  samplerLogprobs: false,
  score: false,
  bannedFirst: false,
  seeds: false,
}

const tiny: Part = { n: 2, temperature: 1, topP: 1, topK: 0, maxTokens: 4, seed: 1 }
const question: readonly Message[] = [{ role: 'user', content: 'What is 1 + 1?' }]

/** An OpenAI-compatible /chat/completions. It hides token ids. */
export async function chatEndpoint(connection: Connection): Promise<Endpoint> {
  const { model } = connection.options
  const ways = (['max_tokens', 'max_completion_tokens'] as const).flatMap((limit) =>
    [true, false].flatMap((penalties) => [true, false].map((many) => ({ limit, penalties, many }))),
  )
  const { reply, way } = await firstUnderstood(
    ways,
    (of) =>
      connection.ask({
        ...callOf(model, question, { ...tiny, n: of.many ? 2 : 1 }, of),
        seed: tiny.seed,
        probing: true,
      }),
    connection,
  )
  const many = way.many && reply.length === 2
  const atOnce = many ? 128 : 1
  return {
    dialect: 'openai-chat',
    capabilities: textOnly,
    tokenizer: null,
    atOnce,
    checks: [
      { what: 'token ids', ok: false, detail: 'a chat endpoint takes messages and gives text' },
      { what: 'length limit', ok: true, detail: way.limit },
      {
        what: 'penalties',
        ok: way.penalties ? true : null,
        detail: way.penalties ? 'said to be 0' : 'unknown to it',
      },
      { what: 'completions a request', ok: many, detail: many ? `up to ${atOnce}` : 'one' },
    ],
    sample: async (prompt, options) => {
      if ((options.bannedFirst ?? []).length > 0) throw cannot(connection, 'ban first tokens')
      if (prompt.kind !== 'chat') throw cannot(connection, `take a prompt of kind ${prompt.kind}`)
      const { signal, onUsage } = options
      return inParts(options, atOnce, (part) =>
        connection.ask({ ...callOf(model, prompt.messages, part, way), seed: part.seed, signal, onUsage }),
      )
    },
    score: () => Promise.reject(cannot(connection, 'score given tokens')),
  }
}

/** The fields every endpoint knows, and top_k and min_p only where they are on. */
const callOf = (
  model: string,
  messages: readonly Message[],
  { n, temperature, topP, topK, minP = 0, maxTokens, seed }: Part,
  { limit, penalties }: ChatWay,
): Call<Completion[]> => ({
  path: '/chat/completions',
  body: {
    model,
    messages,
    n,
    temperature,
    top_p: topP,
    ...(topK > 0 && { top_k: topK }),
    ...(minP > 0 && { min_p: minP }),
    ...(penalties && { presence_penalty: 0, frequency_penalty: 0 }),
    [limit]: maxTokens,
    seed,
    stream: false,
  },
  read: readChat,
})

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
function readChat(value: unknown): Completion[] {
  const { choices, usage } = readAs(reply, value)
  return inOrder(choices).map(({ message, finish_reason: reason }) => ({
    text: withThought(message.reasoning ?? message.reasoning_content ?? '', message.content ?? ''),
    tokenIds: null,
    logprobs: null,
    modelLogprobs: null,
    finishReason: reason === 'stop' ? 'stop' : 'length',
    promptTokens: usage?.prompt_tokens ?? 0,
    completionTokens: Math.round((usage?.completion_tokens ?? 0) / choices.length),
  }))
}

export const withThought = (thought: string, content: string): string =>
  thought === '' ? content : `<think>\n${thought}\n</think>\n\n${content}`
