import { Agent, fetch, type Response } from 'undici'
import { FulcrumError } from '../../errors.ts'
import { defaultRetry, type RetryPolicy, withRetries } from '../retry.ts'
import { HubRefusal, temporary, unreachable } from './failure.ts'

export interface HubOptions {
  /** As in https://huggingface.co, or a mirror that speaks the same API. */
  readonly url?: string
  /** Sent to the Hub's own host only; a redirect to a CDN goes without it. */
  readonly token?: string | undefined
  readonly retry?: RetryPolicy
  readonly signal?: AbortSignal | undefined
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
  close(): Promise<void>
}

/** Without headers or without a byte for so long, a connection counts as broken and is resumed. */
const stalledMs = 60_000

/** `@huggingface/hub` would do the listing, but gives neither Retry-After nor X-Error-Code of a refusal, does not
 *  resume, and brings 12 MB; three requests are all that is needed. */
export function connectHub(options: HubOptions = {}): Hub {
  const url = (options.url ?? 'https://huggingface.co').replace(/\/+$/, '')
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new FulcrumError('config', `${url} is no URL of a Hub`, 'Write it as https://huggingface.co.')
  }
  const { token, retry = defaultRetry, signal } = options
  const dispatcher = new Agent({ headersTimeout: stalledMs, bodyTimeout: stalledMs })
  const authorization: Record<string, string> =
    token === undefined || token === '' ? {} : { authorization: `Bearer ${token}` }
  const once = async <T>(
    path: string,
    headers: () => Record<string, string>,
    read: (response: Response) => Promise<T>,
  ): Promise<T> => {
    const response = await fetch(url + path, {
      // Bytes as they are stored: their length and hash are known.
      headers: { 'accept-encoding': 'identity', ...authorization, ...headers() },
      dispatcher,
      // A signal of its own: undici refuses one whose number of listeners is not bounded (Node 20).
      ...(signal && { signal: AbortSignal.any([signal]) }),
    })
    if (response.status === 200 || response.status === 206) return read(response)
    const { status, headers: answered } = response
    const text = await response.text().catch(() => '')
    throw new HubRefusal(url + path, status, answered, text)
  }
  return {
    url,
    hasToken: 'authorization' in authorization,
    signal,
    ask: async (path, headers, read) => {
      try {
        return await withRetries(() => once(path, headers, read), temporary, retry, ['hub', path], signal)
      } catch (error) {
        signal?.throwIfAborted()
        const code = unreachable(error)
        if (code !== null) {
          throw new FulcrumError(
            'data',
            `Nothing answers at ${url} (${code})`,
            'Check the network, name a mirror with --hub, or give a local file: NAME=PATH.',
            error,
          )
        }
        if (temporary(error) === null) throw error
        throw new FulcrumError(
          'data',
          `${url}${path} gave no whole answer in ${retry.attempts} attempts: ${reason(error)}`,
          'Run the same command again later; what has arrived is kept.',
          error,
        )
      }
    },
    close: () => dispatcher.destroy(),
  }
}

const reason = (error: unknown): string =>
  error instanceof Error
    ? error.cause instanceof Error
      ? reason(error.cause)
      : error.message
    : String(error)
