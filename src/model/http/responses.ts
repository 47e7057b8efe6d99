import { z } from 'zod'
import type { Completion, Message, Usage } from '../model.ts'
import { textOnly, withThought } from './chat.ts'
import type { Connection } from './connection.ts'
import type { Call, Part } from './dialect.ts'
import { cannot, type Endpoint, inParts } from './endpoint.ts'
import { IncompleteReply } from './failure.ts'
import { firstUnderstood } from './probe.ts'
import { readAs } from './reply.ts'

/** The least that OpenAI's own takes for max_output_tokens. */
const leastTokens = 16

const tiny: Part = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: leastTokens, seed: 1 }
const question: readonly Message[] = [{ role: 'user', content: 'What is 1 + 1?' }]

/** OpenAI's /responses: one completion a request, no seed, no penalties, no token ids. Reasoning models refuse temperature
 *  and top-p, and then have one sampler of their own. */
export async function responsesEndpoint(connection: Connection): Promise<Endpoint> {
  const { model } = connection.options
  const { way } = await firstUnderstood(
    [{ sampler: true }, { sampler: false }],
    ({ sampler }) =>
      connection.ask({ ...callOf(model, question, tiny, sampler), seed: tiny.seed, probing: true }),
    connection,
  )
  const { sampler } = way
  return {
    dialect: 'openai-responses',
    capabilities: textOnly,
    tokenizer: null,
    atOnce: 1,
    checks: [
      { what: 'token ids', ok: false, detail: 'it takes messages and gives text' },
      { what: 'temperature', ok: sampler, detail: sampler ? 'taken' : 'refused: it samples as it likes' },
      { what: 'seeds', ok: false, detail: 'it has none' },
      { what: 'completions a request', ok: false, detail: 'one' },
    ],
    sample: async (prompt, options) => {
      const { temperature, topP, topK, minP = 0, bannedFirst = [], signal, onUsage } = options
      if (bannedFirst.length > 0) throw cannot(connection, 'ban first tokens')
      if (prompt.kind !== 'chat') throw cannot(connection, `take a prompt of kind ${prompt.kind}`)
      if (topK > 0 || minP > 0) throw cannot(connection, `sample with top_k ${topK}, min_p ${minP}`)
      if (!sampler && (temperature !== 1 || topP !== 1))
        throw cannot(connection, `sample at temperature ${temperature}, top_p ${topP}`)
      return inParts(options, 1, async (part) => [
        await connection.ask({
          ...callOf(model, prompt.messages, part, sampler),
          seed: part.seed,
          signal,
          onUsage,
        }),
      ])
    },
    score: () => Promise.reject(cannot(connection, 'score given tokens')),
  }
}

const callOf = (
  model: string,
  messages: readonly Message[],
  { temperature, topP, maxTokens }: Part,
  sampler: boolean,
): Call<Completion> => ({
  path: '/responses',
  body: {
    model,
    input: messages,
    ...(sampler && { temperature, top_p: topP }),
    max_output_tokens: maxTokens,
    // Nothing is to be kept at the host.
    store: false,
    stream: false,
  },
  read: readResponse,
  most: {
    promptTokens: Math.ceil(Buffer.byteLength(JSON.stringify(messages)) / 3),
    cachedTokens: 0,
    completionTokens: maxTokens,
    reasoningTokens: 0,
  },
  usage: usageOf,
})

const usage = z.object({
  input_tokens: z.number(),
  input_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
  output_tokens: z.number(),
  output_tokens_details: z.object({ reasoning_tokens: z.number().nullish() }).nullish(),
})
const response = z.object({
  status: z.string(),
  incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
  output: z.array(
    z.object({
      type: z.string(),
      content: z.array(z.object({ type: z.string(), text: z.string().nullish() })).nullish(),
      summary: z.array(z.object({ text: z.string() })).nullish(),
    }),
  ),
  usage: usage.nullish(),
})

/** Its finish_reason is the status: completed, or incomplete for a reason. */
function readResponse(value: unknown): Completion {
  const { status, output, usage: used } = readAs(response, value)
  if (status !== 'completed' && status !== 'incomplete')
    throw new IncompleteReply(`the response is ${status}`)
  const texts = (type: string): string[] =>
    output
      .filter((item) => item.type === type)
      .flatMap(({ content, summary }) => [...(content ?? []), ...(summary ?? [])])
      .map(({ text }) => text ?? '')
  return {
    text: withThought(texts('reasoning').join('\n'), texts('message').join('')),
    tokenIds: null,
    logprobs: null,
    modelLogprobs: null,
    finishReason: status === 'completed' ? 'stop' : 'length',
    promptTokens: used?.input_tokens ?? 0,
    completionTokens: used?.output_tokens ?? 0,
  }
}

function usageOf(value: unknown): Usage | null {
  const { data } = z.object({ usage }).safeParse(value)
  if (data === undefined) return null
  const { input_tokens: prompt, output_tokens: completion } = data.usage
  return {
    promptTokens: prompt,
    cachedTokens: Math.min(prompt, data.usage.input_tokens_details?.cached_tokens ?? 0),
    completionTokens: completion,
    reasoningTokens: data.usage.output_tokens_details?.reasoning_tokens ?? 0,
  }
}
