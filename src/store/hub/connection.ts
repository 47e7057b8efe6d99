import { Agent, fetch, type Response } from 'undici'
import { FulcrumError } from '../../errors.ts'
import { defaultRetry, type RetryPolicy, type Temporary, withRetries } from '../retry.ts'
import { HubRefusal, temporary, unreachable } from './failure.ts'

export interface HubOptions {
  /** As in https://huggingface.co, or a mirror that speaks the same API. */
  readonly url?: string
  /** Sent to the Hub's own host only; a redirect to a CDN goes without it. */
  readonly token?: string | undefined
  readonly retry?: RetryPolicy
  readonly signal?: AbortSignal | undefined
  /** Longest wait for headers or for another byte, milliseconds; 60,000 by default. A commit of many files takes longer. */
  readonly stalledMs?: number
}

/** A request that sends something. */
interface HubRequest {
  readonly method: 'POST' | 'PUT'
  /** Path on the Hub; or the whole URL of a store that it names, which gets no token. */
  readonly to: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string | Blob
  /** Tried again only where the server says that it wants patience: else it may have done it already. */
  readonly once?: boolean
}

/** One Hub: requests that are repeated only while the server calls its failure temporary. */
export interface Hub {
  readonly url: string
  readonly hasToken: boolean
  readonly signal: AbortSignal | undefined
  /** `read` gets a reply of status 200 or 206; what it throws is repeated if it is a broken body. The headers are made
   *  anew for every attempt. */
  ask<T>(
    path: string,
    headers: () => Record<string, string>,
    read: (response: Response) => Promise<T>,
  ): Promise<T>
  send<T>(request: HubRequest, read: (response: Response) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** Without headers or without a byte for so long, a connection counts as broken and is resumed. */
const usualStallMs = 60_000

/** `@huggingface/hub` would do the listing, but gives neither Retry-After nor X-Error-Code of a refusal, does not
 *  resume, and brings 12 MB; a handful of requests is all that is needed. */
export function connectHub(options: HubOptions = {}): Hub {
  const url = (options.url ?? 'https://huggingface.co').replace(/\/+$/, '')
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new FulcrumError('config', `${url} is no URL of a Hub`, 'Write it as https://huggingface.co.')
  }
  const { retry = defaultRetry, signal } = options
  const { once, hasToken, close } = requester(url, options)
  const patiently = async <T>(
    to: string,
    again: (error: unknown) => Temporary | null,
    request: () => Promise<T>,
  ): Promise<T> => {
    try {
      return await withRetries(request, again, retry, ['hub', to], signal)
    } catch (error) {
      signal?.throwIfAborted()
      const code = unreachable(error)
      if (code !== null) {
        throw new FulcrumError(
          'data',
          `Nothing answers at ${new URL(to).origin} (${code})`,
          'Check the network, or name a mirror with --hub. A benchmark may be a local file: NAME=PATH.',
          error,
        )
      }
      if (again(error) === null) throw error
      throw new FulcrumError(
        'data',
        `${shown(to)} gave no whole answer in ${retry.attempts} attempts: ${reason(error)}`,
        'Run the same command again later; what has arrived is kept.',
        error,
      )
    }
  }
  return {
    url,
    hasToken,
    signal,
    ask: (path, headers, read) =>
      patiently(url + path, temporary, () => once(url + path, { headers: headers() }, read)),
    send: ({ method, to, headers = {}, body, once: single = false }, read) => {
      const target = to.startsWith('/') ? url + to : to
      return patiently(target, single ? refusedForNow : temporary, () =>
        once(target, { method, headers, body }, read),
      )
    },
    close,
  }
}

interface Asked {
  readonly method?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Blob
}

/** Single requests of one Hub and the stores it names. */
function requester(url: string, { token = '', signal, stalledMs = usualStallMs }: HubOptions) {
  const dispatcher = new Agent({ headersTimeout: stalledMs, bodyTimeout: stalledMs })
  const authorization: Record<string, string> = token === '' ? {} : { authorization: `Bearer ${token}` }
  return {
    hasToken: token !== '',
    close: () => dispatcher.destroy(),
    once: async <T>(
      to: string,
      { headers, ...asked }: Asked,
      read: (response: Response) => Promise<T>,
    ): Promise<T> => {
      const own = new URL(to).origin === new URL(url).origin
      const response = await fetch(to, {
        ...asked,
        // Bytes as they are stored: their length and hash are known.
        headers: { 'accept-encoding': 'identity', ...(own && authorization), ...headers },
        dispatcher,
        // A signal of its own: undici refuses one whose number of listeners is not bounded (Node 20).
        ...(signal && { signal: AbortSignal.any([signal]) }),
      })
      if (response.ok) return read(response)
      const text = await response.text().catch(() => '')
      throw new HubRefusal(shown(to), response.status, response.headers, text)
    },
  }
}

/** Nothing was done: the server only asks for patience. */
const refusedForNow = (error: unknown): Temporary | null =>
  error instanceof HubRefusal && error.status === 429 ? temporary(error) : null

/** Without what follows the question mark: a store's address has its signature there. */
const shown = (to: string): string => to.split('?')[0] ?? to

const reason = (error: unknown): string =>
  error instanceof Error
    ? error.cause instanceof Error
      ? reason(error.cause)
      : error.message
    : String(error)
