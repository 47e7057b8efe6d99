import { FulcrumError } from '../errors.ts'
import { defaultRetry, type RetryPolicy } from '../store/retry.ts'
import { type Catalogue, readCatalogue } from './http/catalogue.ts'
import { chatEndpoint } from './http/chat.ts'
import { connect, type Connection } from './http/connection.ts'
import { type DialectName, dialectNames } from './http/dialect.ts'
import type { Check, Endpoint } from './http/endpoint.ts'
import { tokenEndpoint } from './http/exact.ts'
import { responsesEndpoint } from './http/responses.ts'
import { withLedger } from './ledger/ledger.ts'
import { defaultLimits, type Limits } from './limits/limiter.ts'
import type { Model, SampleOptions, Tokenizer, Usage } from './model.ts'

export interface HttpModelOptions {
  /** As in http://host:port/v1. */
  readonly baseUrl: string
  readonly model: string
  /** Sent as bearer token; never logged. */
  readonly apiKey?: string
  /** How the server is asked. 'auto', or left out, goes by what the server calls itself, and without a tokenizer by chat. */
  readonly dialect?: DialectName | 'auto'
  /** Until the model joins a run that has limits of its own. */
  readonly limits?: Partial<Limits>
  /** The served model's own: gives exact token ids where the server does. */
  readonly tokenizer?: Tokenizer
  readonly retry?: Partial<RetryPolicy>
}

/** A model behind an HTTP server. Tiny requests find out first what the server really does; a server that is not there,
 *  answers web pages, refuses the key, lacks the model or has another tokenizer is an error here, before anything is spent. */
export async function httpModel(options: HttpModelOptions): Promise<Model> {
  const { connection, endpoint } = await tried(options)
  return joinable(endpoint, connection)
}

/** What a server was found to do. */
export interface EndpointReport {
  readonly model: Model
  readonly dialect: DialectName
  readonly checks: readonly Check[]
}

/** The same, with what was found out on the way. */
export async function tryEndpoint(options: HttpModelOptions): Promise<EndpointReport> {
  const { connection, endpoint } = await tried(options)
  const { dialect, checks } = endpoint
  return { model: joinable(endpoint, connection), dialect, checks }
}

async function tried(options: HttpModelOptions): Promise<{ connection: Connection; endpoint: Endpoint }> {
  const { baseUrl, model, apiKey, dialect = 'auto', tokenizer = null } = options
  if (dialect !== 'auto' && !dialectNames.includes(dialect)) {
    throw new FulcrumError(
      'config',
      `There is no dialect ${dialect as string}`,
      `Dialects: auto, ${dialectNames.join(', ')}.`,
    )
  }
  const limits = { ...defaultLimits, ...options.limits }
  const retry = { ...defaultRetry, ...options.retry }
  const connection = connect({ baseUrl, model, apiKey, limits, retry })
  try {
    const catalogue = await readCatalogue(connection)
    const name = dialect === 'auto' ? dialectOf(catalogue, tokenizer) : dialect
    if (name === 'openai-chat') return { connection, endpoint: await chatEndpoint(connection) }
    if (name === 'openai-responses') return { connection, endpoint: await responsesEndpoint(connection) }
    return { connection, endpoint: await tokenEndpoint(connection, tokenizer, name, catalogue) }
  } catch (error) {
    await connection.close()
    throw error
  }
}

/** By the name a server gives itself; what it really does is tried afterwards all the same. */
function dialectOf({ owner }: Catalogue, tokenizer: Tokenizer | null): DialectName {
  if (tokenizer === null) return 'openai-chat'
  if (owner === 'sglang') return 'sglang'
  return owner === 'llamacpp' ? 'llama-server' : 'vllm'
}

/** The model, which may join a run: then answers are kept in its ledger, and its limits and its purse hold. */
function joinable(endpoint: Endpoint, connection: Connection): Model {
  const { baseUrl } = connection.options
  const { atOnce, capabilities, tokenizer, sample, score } = endpoint
  const id = `http:${connection.options.model}`
  const bare: Model = { id, capabilities, tokenizer, sample, score, close: connection.close }
  const batches = endpoint.dialect === 'openai-chat'
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
      batches,
      join: (account) => {
        const batcher = batches ? (account.batches?.batcherFor(connection) ?? null) : null
        connection.join(account, batcher)
        use = (usage) => account.purse.use(connection.who, usage)
        // Child i of a request draws from its seed + i: later samples are those of a later seed.
        const from = (of: SampleOptions, first: number): SampleOptions => ({ ...of, seed: of.seed + first })
        model =
          account.ledger === null
            ? bare
            : withLedger(bare, account.ledger, { endpoint: baseUrl, from, atOnce, noted: batcher !== null })
      },
    },
  }
}
