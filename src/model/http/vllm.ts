import { z } from 'zod'
import type { Top } from './conversion.ts'
import {
  type Call,
  type Given,
  type Part,
  type Reply,
  rootOf,
  type TokenDialect,
  type Wants,
} from './dialect.ts'
import { IncompleteReply } from './failure.ts'
import { inOrder, logprobsOf, readAs } from './reply.ts'

/** How a server gives the log-probabilities of tokens it is given: vLLM's prompt_logprobs, or echo. */
type ScoreWay = 'prompt_logprobs' | 'echo'

export interface CompletionsWay {
  /** The fields vLLM adds to the OpenAI ones: top_k, token ids, special tokens. */
  readonly extended: boolean
  readonly atOnce: number
  readonly scoreWay: ScoreWay
  /** Generation ends there too, whatever the server takes for the end. */
  readonly eos: number | null
}

interface Where {
  readonly model: string
  readonly baseUrl: string
}

const whole = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 1, seed: 0 }

/** vLLM's /v1/completions, and what else speaks it. Log-probabilities are the model's, before temperature, unless the server
 *  was started with another --logprobs-mode. Child i of n draws from seed + i. */
export function vllm({ model, baseUrl }: Where, way: CompletionsWay): TokenDialect {
  const tokenize = (body: object): Call<readonly number[]> => ({
    path: `${rootOf(baseUrl)}/tokenize`,
    body: { model, ...body },
    read: (value) => readAs(tokens, value).tokens,
  })
  return {
    name: 'vllm',
    atOnce: way.atOnce,
    // Its default --max-logprobs.
    mostTop: 20,
    draw: (prompt, part, wants) => ({
      path: '/completions',
      body: completionBody(model, prompt, part, wants, way),
      read: readCompletions,
    }),
    score: (ids, from, top) => [
      {
        path: '/completions',
        body: {
          ...completionBody(model, ids, whole, { top: 1, banned: [] }, way),
          ...(way.scoreWay === 'echo' ? { echo: true } : { prompt_logprobs: top }),
        },
        read: (value) => readScores(value, ids, from, way.scoreWay, top),
      },
    ],
    tokenize: way.extended ? (text) => tokenize({ prompt: text, add_special_tokens: false }) : null,
    renderChat: way.extended
      ? (content) =>
          tokenize({
            messages: [{ role: 'user', content }],
            add_generation_prompt: true,
            add_special_tokens: false,
          })
      : null,
  }
}

/** Every field of the sampler is written out: a server's defaults come from the model's generation_config, and its
 *  max_tokens is 16. */
function completionBody(
  model: string,
  prompt: string | readonly number[],
  { n, temperature, topP, topK, minP = 0, maxTokens, seed }: Part,
  { top, banned }: Wants,
  { extended, eos }: CompletionsWay,
): Record<string, unknown> {
  return {
    model,
    prompt,
    n,
    temperature,
    top_p: topP,
    max_tokens: maxTokens,
    seed,
    presence_penalty: 0,
    frequency_penalty: 0,
    logprobs: Math.max(1, top),
    echo: false,
    stream: false,
    ...(banned.length > 0 && { logit_bias: Object.fromEntries(banned.map((id) => [String(id), -100])) }),
    ...(extended
      ? {
          top_k: topK,
          min_p: minP,
          repetition_penalty: 1,
          min_tokens: 0,
          ignore_eos: false,
          ...(eos !== null && { stop_token_ids: [eos] }),
          return_token_ids: true,
          return_tokens_as_token_ids: true,
          add_special_tokens: false,
          skip_special_tokens: false,
          spaces_between_special_tokens: false,
        }
      : { ...(topK > 0 && { top_k: topK }), ...(minP > 0 && { min_p: minP }) }),
  }
}

const logprob = z.number()
const tokens = z.object({ tokens: z.array(z.int()) })
const choice = z.object({
  index: z.number().nullish(),
  text: z.string(),
  finish_reason: z.string(),
  stop_reason: z.unknown().optional(),
  token_ids: z.array(z.int()).nullish(),
  prompt_token_ids: z.array(z.int()).nullish(),
  logprobs: z
    .object({
      token_logprobs: z.array(logprob.nullable()).nullish(),
      top_logprobs: z.array(z.record(z.string(), logprob).nullable()).nullish(),
    })
    .nullish(),
  prompt_logprobs: z
    .array(z.record(z.string(), z.object({ logprob, rank: z.int().nullish() })).nullable())
    .nullish(),
})
type Choice = z.output<typeof choice>
const reply = z.object({
  choices: z.array(choice).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number().nullish() }).nullish(),
})

function choicesOf(value: unknown) {
  const { choices, usage } = readAs(reply, value)
  if (choices.some(({ finish_reason: reason }) => reason === 'abort'))
    throw new IncompleteReply('the server aborted the generation')
  return { choices: inOrder(choices), usage }
}

function readCompletions(value: unknown): Reply {
  const { choices, usage } = choicesOf(value)
  return {
    drawn: choices.map((one) => ({
      text: one.text,
      ids: one.token_ids ?? null,
      ended: one.finish_reason === 'stop',
      stop: typeof one.stop_reason === 'number' ? one.stop_reason : null,
      reported: logprobsOf(one.logprobs?.token_logprobs, one.token_ids?.length ?? -1),
      top: topOf(one),
    })),
    promptIds: choices[0]?.prompt_token_ids ?? null,
    promptTokens: usage?.prompt_tokens ?? null,
    completionTokens: usage?.completion_tokens ?? null,
  }
}

/** Tokens are named `token_id:17` because that was asked for; by their text they could not be told apart. */
function topOf({ logprobs, token_ids: ids }: Choice): Top[] | null {
  const places = logprobs?.top_logprobs
  if (places?.length !== ids?.length || !places) return null
  const found = places.map((place) =>
    Object.entries(place ?? {}).map(([name, value]) => ({
      id: Number(name.replace(/^token_id:/, '')),
      logprob: value,
    })),
  )
  if (found.some((place) => place.length === 0 || place.some(({ id }) => !Number.isSafeInteger(id))))
    return null
  return found.map((place) => place.sort((a, b) => b.logprob - a.logprob))
}

function readScores(
  value: unknown,
  ids: readonly number[],
  from: number,
  way: ScoreWay,
  asked: number,
): Given[] {
  const { choices } = choicesOf(value)
  const [one] = choices
  return ids.slice(from).map((id, i) => {
    const at = from + i
    const place = way === 'echo' ? undefined : (one?.prompt_logprobs?.[at] ?? undefined)
    const found = way === 'echo' ? one?.logprobs?.token_logprobs?.[at] : place?.[String(id)]?.logprob
    if (typeof found !== 'number' || !(found <= 1e-6))
      throw new IncompleteReply(`the reply has no log-probability of prompt token ${at}`)
    return { logprob: Math.min(found, 0), top: place === undefined ? null : listedOf(place, asked) }
  })
}

/** The given token is there too when it is not among the likeliest: then its rank is higher. */
function listedOf(
  place: Readonly<Record<string, { logprob: number; rank?: number | null | undefined }>>,
  asked: number,
): Top {
  return Object.entries(place)
    .map(([id, { logprob: value, rank }]) => ({
      id: Number(id),
      logprob: Math.min(value, 0),
      rank: rank ?? 0,
    }))
    .filter(({ rank }) => rank <= Math.max(asked, 1))
    .sort((a, b) => b.logprob - a.logprob)
    .map(({ id, logprob: value }) => ({ id, logprob: value }))
}
