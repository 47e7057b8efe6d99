import type { Account } from './account/account.ts'

/** A text with its exact ids. Only what a tokenizer must do for the pipeline. */
export interface Tokenizer {
  /** sha256 of tokenizer.json, hex. */
  readonly sha256: string
  /** sha256 of the chat template, hex; null without one. */
  readonly chatTemplateSha256: string | null
  /** One more than the highest id. */
  readonly vocabularySize: number
  /** Text of the end-of-sequence token and its id. */
  readonly eos: { readonly id: number; readonly text: string }
  /** Text of a beginning-of-sequence token that the tokenizer of other tools puts before every text by itself; null
   *  without one. encode() here never does. */
  readonly addedBos: string | null
  /** Ids of the text; nothing added, special tokens in the text recognised. */
  encode(text: string): readonly number[]
  /** Text of the ids; special tokens written out. decode(encode(t)) === t is what callers rely on. */
  decode(ids: readonly number[]): string
  /** The chat template rendered once, generation prompt included; `variables` are what the template knows besides the
   *  messages, as enable_thinking, or add_generation_prompt: false. */
  renderChat(messages: readonly Message[], variables?: Readonly<Record<string, unknown>>): string
}

export interface Message {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
}

/** What to continue: exact ids where the engine takes them, else text, else a chat for hosted endpoints. */
export type Prompt =
  | { readonly kind: 'tokens'; readonly ids: readonly number[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'chat'; readonly messages: readonly Message[] }

/** The sampler, whole: two calls with equal options sample the same process. */
export interface SampleOptions {
  /** Completions wanted. */
  readonly n: number
  /** 0 is greedy. */
  readonly temperature: number
  /** Nucleus share; 1 is off. */
  readonly topP: number
  /** Most likely tokens kept; 0 is off. */
  readonly topK: number
  /** Tokens at least this share of the likeliest one's probability are kept; 0, or left out, is off. */
  readonly minP?: number | undefined
  /** Ids that no completion begins with; where the engine takes token ids. To force a first token, end the prompt with it. */
  readonly bannedFirst?: readonly number[] | undefined
  /** Most tokens generated, the end token included. */
  readonly maxTokens: number
  /** Completion i draws from rngFor(seed, i): the same whatever is sampled beside it. */
  readonly seed: number
  readonly signal?: AbortSignal
  /** Called once for each request that was answered. */
  readonly onUsage?: (usage: Usage) => void
}

/** Tokens of one request as the server counts and bills them. */
export interface Usage {
  readonly promptTokens: number
  /** Of promptTokens, those the server had in its cache. */
  readonly cachedTokens: number
  /** Of all completions, thinking included. */
  readonly completionTokens: number
  /** Of completionTokens, those spent thinking; 0 where the server does not tell them apart. */
  readonly reasoningTokens: number
}

export interface Completion {
  /** Text generated, without the end-of-sequence token. */
  readonly text: string
  /** Exact ids generated, with the end-of-sequence token when finishReason is 'stop'; null if the engine hides them. */
  readonly tokenIds: readonly number[] | null
  /** Log-probability of each of tokenIds under the sampler itself (after temperature and truncation), nats; or null. */
  readonly logprobs: readonly number[] | null
  /** Log-probability of each of tokenIds under the model (temperature 1, nothing cut off), nats; or null. */
  readonly modelLogprobs: readonly number[] | null
  readonly finishReason: 'stop' | 'length'
  readonly promptTokens: number
  readonly completionTokens: number
}

/** What the engine can really do: probed, never assumed. */
export interface Capabilities {
  readonly tokenIdsIn: boolean
  readonly tokenIdsOut: boolean
  readonly samplerLogprobs: boolean
  readonly score: boolean
  /** Keeps tokens from beginning a completion (SampleOptions.bannedFirst). */
  readonly bannedFirst?: boolean
  /** Equal seeds draw equal completions, the later ones of a request those of a later seed. */
  readonly seeds?: boolean
}

export interface ScoreOptions {
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly minP?: number | undefined
  /** Scores are given for tokens from this index on. */
  readonly from: number
  readonly signal?: AbortSignal
  readonly onUsage?: (usage: Usage) => void
}

/** What the sampler makes of a given token. */
export interface TokenScore {
  /** Log-probability of the token under the sampler, nats. */
  readonly logprob: number
  /** Entropy of the sampler's distribution at its place, nats; null where the engine does not tell. */
  readonly entropy: number | null
  /** No token is more likely there; null where the engine does not tell. */
  readonly isGreedy: boolean | null
  /** Of an engine that lists a few likeliest tokens only: the log-probability is this at least. */
  readonly isLowerBound?: true
}

/** How a model that costs something is paid for. */
interface Paid {
  /** Endpoint and model, `http://host:port/v1#name`. */
  readonly who: string
  /** Completions that one request brings at most: each request pays for the prompt. */
  readonly atOnce: number
  /** Joins a run, whose ledger, limits and purse hold from then on. */
  readonly join: (account: Account) => void
}

/** A language model, as small as the pipeline needs it. */
export interface Model {
  /** Names weights and version: for a local folder the name and the sha256 of its weights. */
  readonly id: string
  readonly capabilities: Capabilities
  /** The tokenizer whose ids the engine speaks; null for a hosted endpoint that hides it. */
  readonly tokenizer: Tokenizer | null
  /** options.n completions in launch order. */
  sample(prompt: Prompt, options: SampleOptions): Promise<readonly Completion[]>
  /** What the sampler makes of ids[from..], each given all ids before it. */
  score(ids: readonly number[], options: ScoreOptions): Promise<readonly TokenScore[]>
  /** Of a model that costs something to ask. */
  readonly paid?: Paid
  close(): Promise<void>
}

/** `exact`: prompts and completions are the very token ids, and given ones are scored; `text` otherwise. */
export interface Grade {
  readonly grade: 'exact' | 'text'
  /** What `exact` wants and is not there. */
  readonly lacks: readonly string[]
}

export function gradeOf({ capabilities, tokenizer }: Pick<Model, 'capabilities' | 'tokenizer'>): Grade {
  const { tokenIdsIn, tokenIdsOut, score } = capabilities
  const lacks = [
    ...(tokenizer === null ? ['a local tokenizer'] : []),
    ...(tokenIdsIn ? [] : ['token-id prompts']),
    ...(tokenIdsOut ? [] : ['token ids of completions']),
    ...(score ? [] : ['exact log-probabilities of given tokens']),
  ]
  return { grade: lacks.length === 0 ? 'exact' : 'text', lacks }
}
