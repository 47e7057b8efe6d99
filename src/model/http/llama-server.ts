import { z } from 'zod'
import type { Tokenizer, Usage } from '../model.ts'
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
import { inOrder, readAs } from './reply.ts'

export interface LlamaServerWay {
  readonly baseUrl: string
  readonly slots: number
  /** Tells which tokens end inside a character, and which ends a text. */
  readonly tokenizer: Tokenizer | null
}

/** llama.cpp's /completion. Log-probabilities are the model's, before temperature. It neither echoes scores of a prompt nor
 *  takes stop ids, and says nothing of it: given tokens are scored one request each, whose token is forced by a bias that
 *  the reported log-probability does not see, on a prompt that stays in the cache. Child i of n draws from seed + i, and n
 *  may not pass the number of slots. */
export function llamaServer({ baseUrl, slots, tokenizer }: LlamaServerWay): TokenDialect {
  const root = rootOf(baseUrl)
  const path = `${root}/completion`
  return {
    name: 'llama-server',
    atOnce: slots,
    mostTop: 100,
    draw: (prompt, part, wants) => ({
      path,
      body: completionBody(prompt, part, wants),
      read: (value) => readDrawn(value, part.maxTokens),
      most: mostOf(prompt, part),
      usage: usageOf,
    }),
    score: (ids, from, top) =>
      ids.slice(from).map((id, i): Call<readonly Given[]> => {
        const prefix = ids.slice(0, from + i)
        // A forced piece of a character would be repeated without end, and is not reported: it is looked for in a list.
        const piece = tokenizer?.decode([id]).endsWith('\ufffd') === true
        const forced = piece ? tokenizer.eos.id : id
        const body = completionBody(prefix, greedy, { top: piece ? longList : Math.max(1, top), banned: [] })
        return {
          path,
          body: { ...body, logit_bias: [[forced, 1000]] },
          read: (value) => [readScore(value, id, from + i)],
          most: mostOf(prefix, greedy),
          usage: usageOf,
        }
      }),
    tokenize: (text) => ({
      path: `${root}/tokenize`,
      body: { content: text, add_special: false, parse_special: true },
      read: (value) => readAs(z.object({ tokens: z.array(z.int()) }), value).tokens,
    }),
    renderChat: (content) => ({
      path: `${root}/apply-template`,
      body: { messages: [{ role: 'user', content }] },
      read: (value) => readAs(z.object({ prompt: z.string() }), value).prompt,
    }),
  }
}

/** Likeliest tokens among which a piece of a character is looked for. */
const longList = 5000

const greedy = { n: 1, temperature: 0, topP: 1, topK: 0, maxTokens: 1, seed: 0 }

/** Every field: its own defaults are temperature .8, top-k 40, top-p .95, min-p .05, and whatever the server was started
 *  with. The order of samplers is ours, temperature first; penalties, DRY, XTC, typical and mirostat are out. */
function completionBody(
  prompt: string | readonly number[],
  { n, temperature, topP, topK, minP = 0, maxTokens, seed }: Part,
  { top, banned }: Wants,
): Record<string, unknown> {
  return {
    prompt,
    n_cmpl: n,
    n_predict: maxTokens,
    temperature,
    top_k: topK,
    top_p: topP,
    min_p: minP,
    samplers: ['temperature', 'min_p', 'top_k', 'top_p'],
    min_keep: 0,
    typical_p: 1,
    dynatemp_range: 0,
    repeat_penalty: 1,
    repeat_last_n: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    dry_multiplier: 0,
    xtc_probability: 0,
    mirostat: 0,
    seed,
    stop: [],
    ignore_eos: false,
    n_probs: Math.max(1, top),
    post_sampling_probs: false,
    return_tokens: true,
    cache_prompt: true,
    stream: false,
    ...(banned.length > 0 && { logit_bias: banned.map((id) => [id, false]) }),
  }
}

const listed = z.object({ id: z.int(), logprob: z.number().nullable() })
const completion = z.object({
  index: z.number().nullish(),
  content: z.string(),
  tokens: z.array(z.int()).nullish(),
  stop_type: z.enum(['eos', 'limit', 'word']),
  tokens_evaluated: z.number(),
  tokens_predicted: z.number(),
  tokens_cached: z.number().nullish(),
  timings: z.object({ cache_n: z.number().nullish() }).nullish(),
  completion_probabilities: z.array(listed.extend({ top_logprobs: z.array(listed).nullish() })).nullish(),
})
type Completed = z.output<typeof completion>
const reply = z.union([z.array(completion).min(1), completion.transform((one) => [one])])

function readDrawn(value: unknown, maxTokens: number): Reply {
  const all = inOrder(readAs(reply, value))
  return {
    drawn: all.map((one) => {
      // It goes on past the limit to the end of a character; those tokens are none of the process that was asked for.
      const given = one.tokens ?? []
      const ids = given.length === 0 ? null : given.slice(0, maxTokens)
      const ended = one.stop_type !== 'limit' && given.length <= maxTokens
      return { text: one.content, ids, ended, stop: null, ...probabilitiesOf(one, ids ?? []) }
    }),
    promptIds: null,
    promptTokens: all[0]?.tokens_evaluated ?? null,
    completionTokens: all.reduce((total, { tokens_predicted: count }) => total + count, 0),
  }
}

/** The list leaves out tokens that end inside a UTF-8 character: entries are matched by id, and where one is missing the
 *  log-probabilities of the whole are not known. */
function probabilitiesOf({ completion_probabilities: entries }: Completed, ids: readonly number[]) {
  const none = { reported: null, top: null }
  const reported: number[] = []
  const top: Top[] = []
  for (const [i, id] of ids.entries()) {
    const entry = entries?.[i]
    if (entry?.id !== id || entry.logprob === null) return none
    reported.push(Math.min(entry.logprob, 0))
    top.push(topOf(entry.top_logprobs))
  }
  return { reported, top }
}

const topOf = (of: readonly z.output<typeof listed>[] | null | undefined): Top =>
  (of ?? [])
    .map(({ id, logprob }) => ({ id, logprob: Math.min(logprob ?? -Infinity, 0) }))
    .sort((a, b) => b.logprob - a.logprob)

/** The forced token's own entry, or the list of another in which it is found. */
function readScore(value: unknown, id: number, at: number): Given {
  const [entry] = readAs(reply, value)[0]?.completion_probabilities ?? []
  const top = topOf(entry?.top_logprobs)
  const own = entry?.id === id ? entry.logprob : top.find((one) => one.id === id)?.logprob
  if (typeof own !== 'number')
    throw new IncompleteReply(`the reply has no log-probability of prompt token ${at}`)
  return { logprob: Math.min(own, 0), top }
}

function usageOf(value: unknown): Usage | null {
  const { data } = reply.safeParse(value)
  if (data === undefined) return null
  const total = (of: (one: Completed) => number): number => data.reduce((sum, one) => sum + of(one), 0)
  return {
    promptTokens: total((one) => one.tokens_evaluated),
    cachedTokens: total((one) => Math.min(one.tokens_evaluated, one.timings?.cache_n ?? 0)),
    completionTokens: total((one) => one.tokens_predicted),
    reasoningTokens: 0,
  }
}

const mostOf = (prompt: string | readonly number[], { n, maxTokens }: Part): Usage => ({
  promptTokens: n * (typeof prompt === 'string' ? Math.ceil(prompt.length / 3) : prompt.length),
  cachedTokens: 0,
  // A character takes four bytes at most, and so many tokens.
  completionTokens: n * (maxTokens + 3),
  reasoningTokens: 0,
})
