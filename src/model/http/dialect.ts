import type { SampleOptions, Usage } from '../model.ts'
import type { Top } from './conversion.ts'

/** Kinds of server that can be asked: three that give exact tokens, two that give text. */
export const dialectNames = ['vllm', 'sglang', 'llama-server', 'openai-chat', 'openai-responses'] as const
export type DialectName = (typeof dialectNames)[number]

/** What one request draws. */
export type Part = Omit<SampleOptions, 'signal' | 'onUsage'>

/** A sampler without number, length and seed. */
export type Rule = Pick<SampleOptions, 'temperature' | 'topP' | 'topK' | 'minP'>

/** One request, and how its reply reads. */
export interface Call<T> {
  /** Below the base URL, or whole. */
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
  /** Throws IncompleteReply for a reply that should be asked for again. */
  readonly read: (reply: unknown) => T
  /** The most it can take and what it took, where the server does not tell it as OpenAI does. */
  readonly most?: Usage
  readonly usage?: (reply: unknown) => Usage | null
}

/** A completion as the server gave it, before anything is made of it. */
export interface Drawn {
  readonly text: string
  /** As given, with or without the token that ended it; null from a server that hides them. */
  readonly ids: readonly number[] | null
  readonly ended: boolean
  /** The token id that ended it, where the server says so. */
  readonly stop: number | null
  /** Log-probability of each id, at whatever stage of sampling the server takes them; null without. */
  readonly reported: readonly number[] | null
  /** The likeliest tokens at each place; null without. */
  readonly top: readonly Top[] | null
}

export interface Reply {
  /** In launch order. */
  readonly drawn: readonly Drawn[]
  /** The prompt as the server repeats it; null where it does not. */
  readonly promptIds: readonly number[] | null
  readonly promptTokens: number | null
  readonly completionTokens: number | null
}

/** A given token before temperature. */
export interface Given {
  readonly logprob: number
  readonly top: Top | null
}

export interface Wants {
  /** Likeliest tokens to report at each place. */
  readonly top: number
  /** Ids that are not drawn, at any place of the completion. */
  readonly banned: readonly number[]
}

/** How one kind of server is asked for tokens. */
export interface TokenDialect {
  readonly name: DialectName
  /** Completions one request may ask for. */
  readonly atOnce: number
  /** Most likeliest tokens it reports. */
  readonly mostTop: number
  draw(prompt: string | readonly number[], part: Part, wants: Wants): Call<Reply>
  /** Together the scores of ids[from..]. */
  score(ids: readonly number[], from: number, top: number): readonly Call<readonly Given[]>[]
  /** The server's own ids of a text with special tokens, and its own rendering of a chat; null where it offers none. */
  readonly tokenize: ((text: string) => Call<readonly number[]>) | null
  readonly renderChat: ((content: string) => Call<string | readonly number[]>) | null
}

/** The base URL without its /v1: native routes lie there. */
export const rootOf = (baseUrl: string): string => baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')
