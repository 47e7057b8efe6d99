import { FulcrumError } from '../errors.ts'
import { chatBody, readChat } from './http/chat.ts'
import { completionBody, completionOf, readCompletions } from './http/completions.ts'
import { connect, type Connection } from './http/connection.ts'
import { probeChat, probeCompletions } from './http/probe.ts'
import { defaultRetry, type RetryPolicy } from '../store/retry.ts'
import { readScores, scoreBody } from './http/score.ts'
import { withLedger } from './ledger/ledger.ts'
import { defaultLimits, type Limits } from './limits/limiter.ts'
import type { Completion, Model, Prompt, SampleOptions, Tokenizer, Usage } from './model.ts'

export interface HttpModelOptions {
  /** As in http://host:port/v1. */
  readonly baseUrl: string
  readonly model: string
  /** Sent as bearer token; never logged. */
  readonly apiKey?: string
  readonly api: 'chat' | 'completions'
  /** Until the model joins a run that has limits of its own. */
  readonly limits?: Partial<Limits>
  /** The served model's own: gives exact token ids with `completions`. */
  readonly tokenizer?: Tokenizer
  readonly retry?: Partial<RetryPolicy>
}

/** Completions asked for in one request at most; hosted endpoints stop at 128. */
const mostAtOnce = 128
const sizeOf = (many: boolean): number => (many ? mostAtOnce : 1)

/** A model behind an OpenAI-compatible server. A tiny request finds out first what the server really does; a server that is
 *  not there, refuses the key or lacks the model is an error here, before anything is spent. */
export async function httpModel(options: HttpModelOptions): Promise<Model> {
  const { baseUrl, model, apiKey, api, tokenizer = null } = options
  const limits = { ...defaultLimits, ...options.limits }
  const retry = { ...defaultRetry, ...options.retry }
  const connection = connect({ baseUrl, model, apiKey, limits, retry })
  try {
    const asked = api === 'chat' ? await chatModel(connection) : await completionsModel(connection, tokenizer)
    return joinable(asked, connection)
  } catch (error) {
    await connection.close()
    throw error
  }
}

type Bare = Model & { readonly atOnce: number }

/** The model, which may join a run: then answers are kept in its ledger, and its limits and its purse hold. */
function joinable({ atOnce, ...bare }: Bare, connection: Connection): Model {
  const { baseUrl } = connection.options
  let model: Model = bare
  let use: (usage: Usage) => void = () => undefined
  const counting = <T extends { readonly onUsage?: (usage: Usage) => void }>(options: T): T => ({
    ...options,
    onUsage: (usage: Usage) => {
      use(usage)
      options.onUsage?.(usage)
    },
  })
  return {
    ...bare,
    sample: (prompt, options) => model.sample(prompt, counting(options)),
    score: (ids, options) => model.score(ids, counting(options)),
    paid: {
      who: connection.who,
      atOnce,
      join: (account) => {
        connection.join(account)
        use = (usage) => account.purse.use(connection.who, usage)
        // Child i of a request draws from its seed + i: later samples are those of a later seed.
        const from = (of: SampleOptions, first: number): SampleOptions => ({ ...of, seed: of.seed + first })
        model =
          account.ledger === null
            ? bare
            : withLedger(bare, account.ledger, { endpoint: baseUrl, from, atOnce })
      },
    },
  }
}

async function chatModel(connection: Connection): Promise<Bare> {
  const dialect = await probeChat(connection)
  const { model } = connection.options
  return {
    id: `http:${model}`,
    capabilities: { tokenIdsIn: false, tokenIdsOut: false, samplerLogprobs: false, score: false },
    tokenizer: null,
    sample: async (prompt, options) => {
      if (bansFirst(options)) throw cannot(connection, 'ban first tokens')
      if (prompt.kind !== 'chat') throw cannot(connection, `take a prompt of kind ${prompt.kind}`)
      return inParts(options, dialect.many, (part) =>
        connection.ask({
          path: '/chat/completions',
          body: chatBody(model, prompt.messages, part, dialect),
          read: readChat,
          seed: part.seed,
          signal: options.signal,
          onUsage: options.onUsage,
        }),
      )
    },
    score: () => Promise.reject(cannot(connection, 'score given tokens')),
    close: connection.close,
    atOnce: sizeOf(dialect.many),
  }
}

async function completionsModel(connection: Connection, tokenizer: Tokenizer | null): Promise<Bare> {
  const { dialect, scoreWay, capabilities } = await probeCompletions(connection, tokenizer)
  const { model } = connection.options
  return {
    id: `http:${model}`,
    capabilities,
    tokenizer,
    sample: async (prompt, options) => {
      if (bansFirst(options)) throw cannot(connection, 'ban first tokens')
      const given = promptOf(prompt, tokenizer, capabilities.tokenIdsIn, connection)
      return inParts(options, dialect.many, (part) =>
        connection.ask({
          path: '/completions',
          body: completionBody(model, given, part, dialect),
          read: (value) => {
            const reply = readCompletions(value)
            return reply.choices.map((choice) => completionOf(choice, reply, tokenizer, part))
          },
          seed: part.seed,
          signal: options.signal,
          onUsage: options.onUsage,
        }),
      )
    },
    score: async (ids, { from, temperature, topP, topK, minP = 0, signal, onUsage }) => {
      if (scoreWay === null) throw cannot(connection, 'score given tokens')
      if (temperature !== 1 || topP !== 1 || topK !== 0 || minP !== 0) {
        const sampler = `temperature ${temperature}, top_p ${topP}, top_k ${topK}, min_p ${minP}`
        throw cannot(connection, `give the sampler's log-probabilities at ${sampler}`)
      }
      return connection.ask({
        path: '/completions',
        body: scoreBody(model, ids, scoreWay, dialect),
        read: (value) => readScores(readCompletions(value), ids, from, scoreWay),
        seed: 0,
        signal,
        onUsage,
      })
    },
    close: connection.close,
    atOnce: sizeOf(dialect.many),
  }
}

/** A server's logit_bias holds for every token of a completion, not for the first alone. */
const bansFirst = ({ bannedFirst = [] }: SampleOptions): boolean => bannedFirst.length > 0

/** options.n completions in launch order, in as few requests as the server allows. Child i of a request draws from seed + i,
 *  as vLLM has it, so the parts continue one sequence of seeds. A greedy answer is asked for once. */
async function inParts(
  { n, temperature, topP, topK, minP, maxTokens, seed }: SampleOptions,
  many: boolean,
  ask: (part: Omit<SampleOptions, 'signal' | 'onUsage'>) => Promise<readonly Completion[]>,
): Promise<readonly Completion[]> {
  const options = { temperature, topP, topK, minP, maxTokens, seed }
  if (temperature === 0 && n > 0) {
    const [greedy] = await ask({ ...options, n: 1 })
    return Array<Completion>(n).fill(greedy as Completion)
  }
  const size = sizeOf(many)
  const parts = Array.from({ length: Math.ceil(n / size) }, async (_, part) => {
    const wanted = Math.min(size, n - part * size)
    const found = await ask({ ...options, n: wanted, seed: seed + part * size })
    if (found.length === wanted) return found
    throw new FulcrumError(
      'model',
      `The server gave ${found.length} completions where ${wanted} were asked for`,
      'Look at the server: it answered otherwise when it was tried first.',
    )
  })
  return (await Promise.all(parts)).flat()
}

/** The prompt as the server takes it: exact ids where it does, else text with the template rendered here. */
function promptOf(
  prompt: Prompt,
  tokenizer: Tokenizer | null,
  takesIds: boolean,
  connection: Connection,
): string | readonly number[] {
  if (prompt.kind === 'tokens') {
    if (takesIds) return prompt.ids
    throw cannot(connection, 'take token ids')
  }
  if (prompt.kind === 'chat' && tokenizer === null) {
    throw cannot(connection, 'take messages through /completions without a tokenizer')
  }
  const text = prompt.kind === 'text' ? prompt.text : (tokenizer as Tokenizer).renderChat(prompt.messages)
  return tokenizer !== null && takesIds ? tokenizer.encode(text) : text
}

function cannot({ options: { baseUrl, model } }: Connection, what: string): FulcrumError {
  return new FulcrumError(
    'model',
    `${model} at ${baseUrl} cannot ${what}`,
    'Use temperature 1 without top-p, top-k and min-p, a server with token ids (vLLM /v1/completions) and --tokenizer, or a local model folder.',
  )
}
