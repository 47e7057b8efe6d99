import OpenAI from 'openai'
import pLimit from 'p-limit'
import { Agent, fetch as undiciFetch } from 'undici'
import { FulcrumError } from '../../errors.ts'
import { explained, isUnknown, temporary, temporaryAtFirst } from './failure.ts'
import { type RetryPolicy, withRetries } from '../../store/retry.ts'

export interface ConnectionOptions {
  readonly baseUrl: string
  readonly model: string
  readonly apiKey: string | undefined
  readonly concurrency: number
  readonly retry: RetryPolicy
}

interface Request<T> {
  readonly path: '/completions' | '/chat/completions'
  readonly body: object
  /** Reads the reply; throws IncompleteReply for one that should be asked for again. */
  readonly read: (reply: unknown) => T
  /** Keys the jitter of retries. */
  readonly seed: number
  readonly signal?: AbortSignal | undefined
  /** A first try: a server that is not there is not asked again, and refusals come as the client threw them. */
  readonly probing?: boolean
}

/** One endpoint: some requests at once, each retried while its failure is temporary. */
export interface Connection {
  readonly options: ConnectionOptions
  ask<T>(request: Request<T>): Promise<T>
  /** The error as a user should read it. */
  readonly explain: (error: unknown) => Promise<unknown>
  readonly close: () => Promise<void>
}

/** Longest answer waited for: a day. The client's own ten minutes and undici's five would cut long generations. */
const timeout = 86_400_000

export function connect(options: ConnectionOptions): Connection {
  const { baseUrl, apiKey, concurrency, retry } = options
  if (!URL.canParse(baseUrl)) {
    throw new FulcrumError('config', `${baseUrl} is no URL`, 'Write it as http://host:port/v1.')
  }
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  const client = new OpenAI({
    baseURL: baseUrl,
    apiKey: apiKey ?? 'none',
    // Nothing from the environment: the key comes as an option, and the rest is not ours to send.
    organization: null,
    project: null,
    logLevel: 'off',
    maxRetries: 0,
    timeout,
    fetch: undiciFetch as unknown as typeof fetch,
    fetchOptions: { dispatcher: agent } as object,
    ...(apiKey === undefined && { defaultHeaders: { Authorization: null } }),
  })
  const limit = pLimit(concurrency)
  const explain = async (error: unknown): Promise<unknown> => {
    const told = explained(error, { ...options, attempts: retry.attempts })
    if (!isUnknown(error) || !(told instanceof FulcrumError)) return told
    const names = await client.models.list().then(
      ({ data }) => data.map(({ id }) => id),
      () => [],
    )
    if (names.length === 0) return told
    return new FulcrumError('model', told.message, `Models there: ${names.slice(0, 20).join(', ')}.`)
  }
  return {
    options,
    ask: async ({ path, body, read, seed, signal, probing = false }) => {
      const once = async () => read(await client.post(path, { body, ...(signal && { signal }) }))
      const again = probing ? temporaryAtFirst : temporary
      try {
        return await withRetries(() => limit(once), again, retry, [path, seed], signal)
      } catch (error) {
        signal?.throwIfAborted()
        throw probing ? error : await explain(error)
      }
    },
    explain,
    close: () => agent.destroy(),
  }
}
