import { z } from 'zod'
import type { Completion, TokenScore, Usage } from '../model.ts'

/** Prompt, cached, completion and reasoning tokens, and 1 if they came through the Batch API. */
const usage = z.tuple([z.number(), z.number(), z.number(), z.number(), z.literal(1).optional()])

/** Heads of the records in a ledger's journal; one letter each, for there are millions.
 *  q: prompt key, s: sampler key, f: first sample or first token scored, n: number of the intent in its file, w: who was
 *  asked (endpoint#model), p: parser version that read the answer, u: usage. */
const head = z.discriminatedUnion('t', [
  /** A request goes out now, for c completions. */
  z.object({ t: z.literal('asked'), n: z.int(), q: z.string(), s: z.string(), f: z.int(), c: z.int() }),
  /** It ended in an error that was told. */
  z.object({ t: z.literal('failed'), n: z.int() }),
  /** Completions under length limit m; e has s (stop) or l (length) for each of them. */
  z.object({
    t: z.literal('sampled'),
    n: z.int(),
    q: z.string(),
    s: z.string(),
    f: z.int(),
    m: z.int(),
    e: z.string().regex(/^[sl]*$/),
    p: z.int(),
    w: z.string(),
    u: usage,
  }),
  z.object({
    t: z.literal('scored'),
    n: z.int(),
    q: z.string(),
    s: z.string(),
    f: z.int(),
    p: z.int(),
    w: z.string(),
    u: usage,
  }),
])
export type Head = z.infer<typeof head>

/** A record of this format, or null for one of another. */
export const readHead = (value: unknown): Head | null => head.safeParse(value).data ?? null

/** Checked as far as somebody relies on it here; other parts of a completion pass through. */
const completions = z.array(
  z.looseObject({
    text: z.string(),
    tokenIds: z.array(z.int()).nullable(),
    logprobs: z.array(z.number()).nullable(),
    modelLogprobs: z.array(z.number()).nullable(),
    finishReason: z.enum(['stop', 'length']),
    promptTokens: z.number(),
    completionTokens: z.number(),
  }),
)

/** JSON has no infinity: the log-probability of a token that the sampler never draws is null here. Last: it is a lower bound. */
const scores = z.array(
  z.tuple([z.number().nullable(), z.number().nullable(), z.boolean().nullable(), z.boolean()]),
)

export function tupleOf(of: Usage): z.infer<typeof usage> {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens, batched } = of
  const tokens = [promptTokens, cachedTokens, completionTokens, reasoningTokens] as const
  return batched ? [...tokens, 1] : [...tokens]
}

export const usageOf = ([prompt, cached, completion, reasoning, batched]: z.infer<typeof usage>): Usage => ({
  promptTokens: prompt,
  cachedTokens: cached,
  completionTokens: completion,
  reasoningTokens: reasoning,
  ...(batched === 1 && { batched: true }),
})

export const writeCompletions = (of: readonly Completion[]): Buffer => Buffer.from(JSON.stringify(of))

export const readCompletions = (body: Buffer): readonly Completion[] =>
  completions.parse(JSON.parse(body.toString('utf8')))

export const writeScores = (of: readonly TokenScore[]): Buffer =>
  Buffer.from(
    JSON.stringify(
      of.map(({ logprob, entropy, isGreedy, isLowerBound = false }) => [
        logprob === -Infinity ? null : logprob,
        entropy,
        isGreedy,
        isLowerBound,
      ]),
    ),
  )

export const readScores = (body: Buffer): readonly TokenScore[] =>
  scores.parse(JSON.parse(body.toString('utf8'))).map(([logprob, entropy, isGreedy, isLowerBound]) => ({
    logprob: logprob ?? -Infinity,
    entropy,
    isGreedy,
    ...(isLowerBound && { isLowerBound: true as const }),
  }))
