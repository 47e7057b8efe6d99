import OpenAI from 'openai'
import { Agent, fetch as undiciFetch } from 'undici'
import { FulcrumError } from '../../errors.ts'
import { type RetryPolicy, withRetries } from '../../store/retry.ts'
import type { Account } from '../account/account.ts'
import type { Batcher } from '../batch/batcher.ts'
import { createLimiter, type Limits } from '../limits/limiter.ts'
import type { Usage } from '../model.ts'
import { withDeadline } from './deadline.ts'
import type { Call } from './dialect.ts'
import {
  explained,
  isAbsent,
  isRefused,
  isUnknown,
  refuseHtml,
  strainOf,
  temporary,
  temporaryAtFirst,
} from './failure.ts'
import { mostTokens, usageIn } from './usage.ts'

export interface ConnectionOptions {
  readonly baseUrl: string
  readonly model: string
  readonly apiKey: string | undefined
  readonly limits: Limits
  readonly retry: RetryPolicy
}

interface Request<T> extends Call<T> {
  /** Keys the jitter of retries. */
  readonly seed: number
  readonly signal?: AbortSignal | undefined
  /** Told what the answer took. */
  readonly onUsage?: ((usage: Usage) => void) | undefined
  /** A first try: a server that is not there is not asked again, and refusals come as the client threw them. */
  readonly probing?: boolean
}

/** One endpoint: some requests at once, each retried while its failure is temporary. */
export interface Connection {
  readonly options: ConnectionOptions
  /** Endpoint and model, for limits, prices and the ledger. */
  readonly who: string
  /** From here on a run's limits hold, and it pays; with a batcher, questions go into batches. */
  readonly join: (account: Account, batcher: Batcher | null) => void
  /** An exchange that is no question, retried while its failure is temporary; the error as it came. */
  exchange<T>(key: string, send: (client: OpenAI, signal: AbortSignal) => Promise<T>): Promise<T>
  ask<T>(request: Request<T>): Promise<T>
  /** What lies below the base URL, or at a whole URL; null where nothing does. */
  get(path: string): Promise<unknown>
  /** The error as a user should read it. */
  readonly explain: (error: unknown) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** The client's own ten minutes and undici's five would cut long generations: the time limit is in the limits. */
const never = 2 ** 31 - 1

/** Four tokens may wait for a model to be loaded, but not for the longest answer. */
const longestProbeMs = 300_000

export function connect(options: ConnectionOptions): Connection {
  const { baseUrl, retry } = options
  const who = `${baseUrl}#${options.model}`
  requireUrl(baseUrl)
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  const client = clientOf(options, agent)
  let limiter = createLimiter(baseUrl, options.limits, strainOf)
  let account: Account | null = null
  let batcher: Batcher | null = null
  const explain = (error: unknown): Promise<unknown> => explainTo(client, error, options)
  return {
    options,
    who,
    join: (joined, itsBatcher) => {
      account = joined
      batcher = itsBatcher
      limiter = joined.limiterFor(who, options.limits, strainOf)
    },
    exchange: (key, send) => {
      const once = () => withDeadline(limiter.limits.timeoutMs, undefined, (until) => send(client, until))
      return withRetries(once, temporary, retry, [key])
    },
    ask: async (request) => {
      const { path, body, seed, signal, probing = false } = request
      signal?.throwIfAborted()
      const most = request.most ?? mostTokens(body)
      const take = taker(request, most, (usage) => account?.purse.pay(who, usage))
      if (batcher !== null && !probing) {
        const taken = (reply: unknown) => take(reply, { batched: true }).value
        return batcher.ask({ path, body, most: { ...most, batched: true }, take: taken })
      }
      const send = async () => {
        account?.purse.check()
        const { timeoutMs } = limiter.limits
        const patience = probing ? Math.min(timeoutMs, longestProbeMs) : timeoutMs
        const reply = await withDeadline(patience, signal, (until) =>
          client.post(path, { body, signal: until }),
        )
        refuseHtml(reply)
        return take(reply, {})
      }
      const again = probing ? temporaryAtFirst : temporary
      const attempt = { tokens: most.promptTokens + most.completionTokens, send, signal }
      try {
        return await withRetries(() => limiter.run(attempt), again, retry, [path, seed], signal)
      } catch (error) {
        signal?.throwIfAborted()
        throw probing ? error : await explain(error)
      }
    },
    get: (path) =>
      get(client, path, options).catch(async (error: unknown) => {
        throw await explain(error)
      }),
    explain,
    close: () => agent.destroy(),
  }
}

function requireUrl(baseUrl: string): void {
  if (URL.canParse(baseUrl)) return
  throw new FulcrumError('config', `${baseUrl} is no URL`, 'Write it as http://host:port/v1.')
}

/** Reads replies to a request: they are paid for, whatever is in them. */
function taker<T>(
  { read, usage: usageOf, onUsage }: Request<T>,
  most: Usage,
  pay: (usage: Usage) => void,
): (reply: unknown, how: Pick<Usage, 'batched'>) => { value: T; tokens: number } {
  return (reply, how) => {
    const told = usageOf === undefined ? usageIn(reply, most) : (usageOf(reply) ?? most)
    const usage = { ...told, ...how }
    pay(usage)
    const value = read(reply)
    onUsage?.(usage)
    return { value, tokens: usage.promptTokens + usage.completionTokens }
  }
}

/** The error as a user reads it, with the names of the models that are there. */
async function explainTo(client: OpenAI, error: unknown, options: ConnectionOptions): Promise<unknown> {
  const told = explained(error, { ...options, attempts: options.retry.attempts })
  if (!isUnknown(error) || !(told instanceof FulcrumError)) return told
  const names = await client.models.list().then(
    ({ data }) => data.map(({ id }) => id),
    () => [],
  )
  if (names.length === 0) return told
  return new FulcrumError('model', told.message, `Models there: ${names.slice(0, 20).join(', ')}.`)
}

async function get(client: OpenAI, path: string, { limits, retry }: ConnectionOptions): Promise<unknown> {
  const send = () => withDeadline(limits.timeoutMs, undefined, (signal) => client.get(path, { signal }))
  try {
    const reply: unknown = await withRetries(send, temporaryAtFirst, retry, [path])
    refuseHtml(reply)
    return reply
  } catch (error) {
    if (isAbsent(error) || isRefused(error)) return null
    throw error
  }
}

function clientOf({ baseUrl, apiKey }: ConnectionOptions, agent: Agent): OpenAI {
  return new OpenAI({
    baseURL: baseUrl,
    apiKey: apiKey ?? 'none',
    // Nothing from the environment: the key comes as an option, and the rest is not ours to send.
    organization: null,
    project: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout: never,
    fetch: undiciFetch as unknown as typeof fetch,
    fetchOptions: { dispatcher: agent } as object,
    ...(apiKey === undefined && { defaultHeaders: { Authorization: null } }),
  })
}
