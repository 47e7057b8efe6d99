import { z } from 'zod'
import type { Usage } from '../model.ts'
import type { Top } from './conversion.ts'
import {
  type Call,
  type Drawn,
  type Given,
  type Part,
  type Reply,
  rootOf,
  type TokenDialect,
  type Wants,
} from './dialect.ts'
import { IncompleteReply } from './failure.ts'
import { logprobsOf, readAs } from './reply.ts'

/** SGLang's /generate. Log-probabilities of what it draws are those after temperature, of what it is given those before.
 *  It draws n completions of one request from one seed, which makes them all the same where seeds count at all (servers
 *  started with --enable-deterministic-inference); so a request is a batch of n prompts, each with its own seed, whose
 *  common prefix is computed once. */
export function sglang({ baseUrl, eos }: { baseUrl: string; eos: number | null }): TokenDialect {
  const path = `${rootOf(baseUrl)}/generate`
  const call = <T>(body: Record<string, unknown>, most: Usage, read: (value: unknown) => T): Call<T> => ({
    path,
    body: { stream: false, return_text_in_logprobs: false, ...body },
    most,
    read,
    usage: (value) => usageOf(value),
  })
  return {
    name: 'sglang',
    atOnce: 128,
    mostTop: 20,
    draw: (prompt, part, wants) => {
      const prompts = Array<unknown>(part.n).fill(prompt)
      const length = typeof prompt === 'string' ? Math.ceil(prompt.length / 3) : prompt.length
      return call(
        {
          ...(typeof prompt === 'string' ? { text: prompts } : { input_ids: prompts }),
          sampling_params: prompts.map((_, i) => samplingOf({ ...part, seed: part.seed + i }, wants, eos)),
          return_logprob: true,
          logprob_start_len: -1,
          top_logprobs_num: wants.top,
        },
        mostOf(length * part.n, part.n * part.maxTokens),
        readDrawn,
      )
    },
    score: (ids, from, top) => [
      call(
        {
          input_ids: [ids],
          sampling_params: [samplingOf({ ...plain, maxTokens: 1 }, { top, banned: [] }, eos)],
          return_logprob: true,
          // The first place that is reported has no log-probability.
          logprob_start_len: Math.max(0, from - 1),
          top_logprobs_num: top,
        },
        mostOf(ids.length, 1),
        (value) => readScores(value, ids, from),
      ),
    ],
    tokenize: (text) => ({
      path: `${rootOf(baseUrl)}/tokenize`,
      body: { prompt: text, add_special_tokens: false },
      read: (value) => readAs(z.object({ tokens: z.array(z.int()) }), value).tokens,
    }),
    renderChat: null,
  }
}

const plain = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 1, seed: 0 }

/** Every field: defaults come from the model's generation_config. */
function samplingOf(
  { temperature, topP, topK, minP = 0, maxTokens, seed }: Part,
  { banned }: Wants,
  eos: number | null,
): Record<string, unknown> {
  return {
    n: 1,
    temperature,
    top_p: topP,
    top_k: topK === 0 ? -1 : topK,
    min_p: minP,
    max_new_tokens: maxTokens,
    min_new_tokens: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    repetition_penalty: 1,
    ignore_eos: false,
    stop: [],
    stop_token_ids: eos === null ? [] : [eos],
    no_stop_trim: true,
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
    sampling_seed: seed,
    ...(banned.length > 0 && { logit_bias: Object.fromEntries(banned.map((id) => [String(id), -100])) }),
  }
}

/** Log-probability, id, text. */
const place = z.tuple([z.number().nullable(), z.int()], z.unknown())
const places = z.array(place).nullish()
const topPlaces = z.array(z.array(place).nullable()).nullish()
const generated = z.object({
  text: z.string(),
  output_ids: z.array(z.int()).nullish(),
  meta_info: z.object({
    finish_reason: z.object({ type: z.string(), matched: z.unknown().optional() }),
    prompt_tokens: z.number(),
    completion_tokens: z.number(),
    cached_tokens: z.number().nullish(),
    output_token_logprobs: places,
    output_top_logprobs: topPlaces,
    input_token_logprobs: places,
    input_top_logprobs: topPlaces,
  }),
})
const reply = z.union([z.array(generated).min(1), generated.transform((one) => [one])])

/** A batch comes back in its order. */
function repliesOf(value: unknown): z.output<typeof generated>[] {
  const all = readAs(reply, value)
  const aborted = all.find(({ meta_info: { finish_reason: reason } }) => reason.type === 'abort')
  if (aborted !== undefined) throw new IncompleteReply('the server aborted the generation')
  return all
}

function readDrawn(value: unknown): Reply {
  const all = repliesOf(value)
  return {
    drawn: all.map(({ text, output_ids: ids, meta_info: meta }): Drawn => {
      const { finish_reason: reason, output_token_logprobs: logprobs } = meta
      const given = ids ?? logprobs?.map(([, id]) => id) ?? null
      const same = given !== null && logprobs?.every(([, id], i) => id === given[i]) === true
      const top = meta.output_top_logprobs
      return {
        text,
        ids: given,
        ended: reason.type === 'stop',
        stop: typeof reason.matched === 'number' ? reason.matched : null,
        reported: same
          ? logprobsOf(
              logprobs.map(([logprob]) => logprob),
              given.length,
            )
          : null,
        top: top?.length === given?.length && top ? top.map(topOf) : null,
      }
    }),
    promptIds: null,
    promptTokens: all[0]?.meta_info.prompt_tokens ?? null,
    completionTokens: sum(all.map(({ meta_info: { completion_tokens: count } }) => count)),
  }
}

const topOf = (of: readonly z.output<typeof place>[] | null): Top =>
  (of ?? [])
    .map(([logprob, id]) => ({ id, logprob: Math.min(logprob ?? -Infinity, 0) }))
    .sort((a, b) => b.logprob - a.logprob)

function readScores(value: unknown, ids: readonly number[], from: number): Given[] {
  const [one] = repliesOf(value)
  const wanted = ids.slice(from)
  const scores = (one?.meta_info.input_token_logprobs ?? []).slice(-wanted.length)
  const tops = (one?.meta_info.input_top_logprobs ?? []).slice(-wanted.length)
  const found = logprobsOf(
    scores.map(([logprob]) => logprob),
    wanted.length,
  )
  if (found === null || !scores.every(([, id], i) => id === wanted[i]))
    throw new IncompleteReply('the reply has no log-probabilities of the prompt tokens')
  const listed = tops.length === wanted.length
  return found.map((logprob, i) => ({ logprob, top: listed ? topOf(tops[i] ?? null) : null }))
}

function usageOf(value: unknown): Usage | null {
  const { data } = reply.safeParse(value)
  if (data === undefined) return null
  const total = (of: (one: z.output<typeof generated>['meta_info']) => number): number =>
    sum(data.map(({ meta_info: meta }) => of(meta)))
  return {
    promptTokens: total((meta) => meta.prompt_tokens),
    cachedTokens: total((meta) => meta.cached_tokens ?? 0),
    completionTokens: total((meta) => meta.completion_tokens),
    reasoningTokens: 0,
  }
}

const mostOf = (promptTokens: number, completionTokens: number): Usage => ({
  promptTokens,
  cachedTokens: 0,
  completionTokens,
  reasoningTokens: 0,
})

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
