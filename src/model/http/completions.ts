import { z } from 'zod'
import type { Completion, SampleOptions, Tokenizer } from '../model.ts'
import { IncompleteReply } from './failure.ts'

/** What a server was seen to understand. */
export interface Dialect {
  /** The fields vLLM adds to the OpenAI ones: top_k, token ids, special tokens. */
  readonly extended: boolean
  /** Several completions in one request. */
  readonly many: boolean
}

/** Body for /v1/completions. Every field of the sampler is written out: a server's defaults come from the model's
 *  generation_config, and its max_tokens is 16. */
export function completionBody(
  model: string,
  prompt: string | readonly number[],
  { n, temperature, topP, topK, minP = 0, maxTokens, seed }: Omit<SampleOptions, 'signal'>,
  { extended }: Dialect,
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
    logprobs: 1,
    echo: false,
    stream: false,
    ...(extended
      ? {
          top_k: topK,
          min_p: minP,
          repetition_penalty: 1,
          min_tokens: 0,
          ignore_eos: false,
          return_token_ids: true,
          add_special_tokens: false,
          skip_special_tokens: false,
          spaces_between_special_tokens: false,
        }
      : { ...(topK > 0 && { top_k: topK }), ...(minP > 0 && { min_p: minP }) }),
  }
}

const choice = z.object({
  index: z.number().nullish(),
  text: z.string(),
  finish_reason: z.string(),
  stop_reason: z.unknown(),
  token_ids: z.array(z.int()).nullish(),
  prompt_token_ids: z.array(z.int()).nullish(),
  logprobs: z.object({ token_logprobs: z.array(z.number().nullable()).nullish() }).nullish(),
  prompt_logprobs: z
    .array(z.record(z.string(), z.object({ logprob: z.number(), rank: z.int().optional() })).nullable())
    .nullish(),
})
export type Choice = z.infer<typeof choice>

const reply = z.object({
  choices: z.array(choice).min(1),
  usage: z.object({ prompt_tokens: z.number(), completion_tokens: z.number().nullish() }).nullish(),
})
export type CompletionReply = z.infer<typeof reply>

/** The reply with its choices in launch order. Without a finish_reason a generation was cut off somewhere. */
export function readCompletions(value: unknown): CompletionReply {
  const read = reply.safeParse(value)
  if (!read.success) throw new IncompleteReply(`the reply has no ${whatLacks(read.error)}`)
  if (read.data.choices.some(({ finish_reason: reason }) => reason === 'abort')) {
    throw new IncompleteReply('the server aborted the generation')
  }
  return { ...read.data, choices: inOrder(read.data.choices) }
}

export const inOrder = <T extends { readonly index?: number | null | undefined }>(
  choices: readonly T[],
): T[] => [...choices].sort((a, b) => (a.index ?? 0) - (b.index ?? 0))

export const whatLacks = ({ issues: [issue] }: z.ZodError): string => issue?.path.join('.') || 'JSON object'

/** A completion of a choice. With a tokenizer the text is that of the exact ids. */
export function completionOf(
  of: Choice,
  { usage, choices }: CompletionReply,
  tokenizer: Tokenizer | null,
  rule: Rule,
): Completion {
  const finishReason = of.finish_reason === 'stop' ? 'stop' : 'length'
  const counted = Math.round((usage?.completion_tokens ?? 0) / choices.length)
  const rest = {
    finishReason,
    promptTokens: usage?.prompt_tokens ?? of.prompt_token_ids?.length ?? 0,
  } as const
  const given = of.token_ids ?? null
  if (tokenizer === null || given === null) {
    return {
      text: of.text,
      tokenIds: null,
      logprobs: null,
      modelLogprobs: null,
      completionTokens: given?.length ?? counted,
      ...rest,
    }
  }
  const { ids, added } =
    finishReason === 'stop' ? ended(given, of.stop_reason, tokenizer) : { ids: given, added: false }
  const text = tokenizer.decode(finishReason === 'stop' ? ids.slice(0, -1) : ids)
  const modelLogprobs = added ? null : reported(of, given.length)
  const logprobs = modelLogprobs === null ? null : samplerLogprobs(modelLogprobs, rule)
  return { text, tokenIds: ids, logprobs, modelLogprobs, completionTokens: given.length, ...rest }
}

/** Ids that end in the end token. Servers leave it out, or stop at another end token of the model's: both count as
 *  the end, but then its log-probability is not known. */
function ended(
  ids: readonly number[],
  stop: unknown,
  { eos }: Tokenizer,
): { ids: readonly number[]; added: boolean } {
  if (ids.at(-1) === eos.id) return { ids, added: false }
  const open = ids.length > 0 && ids.at(-1) === stop ? ids.slice(0, -1) : ids
  return { ids: [...open, eos.id], added: true }
}

type Rule = Pick<SampleOptions, 'temperature' | 'topP' | 'topK' | 'minP'>

/** The log-probabilities that servers report: of the model, before temperature and truncation. */
function reported({ logprobs }: Choice, length: number): number[] | null {
  const raw = logprobs?.token_logprobs ?? null
  if (raw?.length !== length || !raw.every((value) => value !== null && value <= 1e-6)) return null
  return raw.map((value) => Math.min(value as number, 0))
}

/** They are the sampler's own for temperature 1 without truncation; greedy sampling has one possible token; else they
 *  are not known. */
function samplerLogprobs(model: number[], { temperature, topP, topK, minP = 0 }: Rule): number[] | null {
  if (temperature === 0) return model.map(() => 0)
  return temperature === 1 && topP === 1 && topK === 0 && minP === 0 ? model : null
}
