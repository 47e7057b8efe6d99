import { APIConnectionError, APIError, APIUserAbortError } from 'openai'
import { FulcrumError } from '../../errors.ts'
import { retryAfterMs, type Temporary } from '../../store/retry.ts'
import type { Strain } from '../limits/limiter.ts'

/** A reply that is cut off, is no JSON, or lacks what every reply has. */
export class IncompleteReply extends Error {
  override readonly name = 'IncompleteReply'
}

/** A web page where JSON should be: once a server has been spoken to, a proxy's passing trouble. */
class AnswersHtml extends IncompleteReply {}

export function refuseHtml(reply: unknown): void {
  if (typeof reply === 'string' && isHtml(reply)) throw new AnswersHtml(titleOf(reply))
}

const isHtml = (text: string): boolean => /<!doctype html|<html[\s>]/i.test(text)

const titleOf = (page: string): string =>
  /<title[^>]*>\s*([^<]{1,80})/i.exec(page)?.[1]?.trim() ?? 'a page without a title'

/** No whole answer within the time limit; the connection may be dead without saying so. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut'
}

/** What a failed request says of the endpoint: 429, 503 and silence that it is asked too much; these, other 5xx and broken
 *  connections that it may serve nobody. */
export function strainOf(error: unknown): Strain | null {
  const why = error instanceof Error ? deepest(error) : String(error)
  if (error instanceof TimedOut) return { busy: true, down: true, retryAfterMs: null, why }
  if (error instanceof APIUserAbortError) return null
  if (error instanceof APIConnectionError) return { busy: false, down: true, retryAfterMs: null, why }
  if (error instanceof IncompleteReply || isBrokenBody(error))
    return { busy: false, down: false, retryAfterMs: null, why }
  if (!isApiError(error) || error.status === undefined) return null
  const { status, headers } = error
  const busy = (status === 429 && !isQuota(error)) || status === 503 || status === 408
  return { busy, down: busy || (status >= 500 && status !== 501), retryAfterMs: retryAfterMs(headers), why }
}

/** What the server itself calls temporary, and what a broken connection is. A used-up quota is not. */
export function temporary(error: unknown): Temporary | null {
  if (error instanceof IncompleteReply || isBrokenBody(error)) return { retryAfterMs: null }
  if (error instanceof TimedOut) return { retryAfterMs: null }
  if (error instanceof APIConnectionError) return { retryAfterMs: null }
  if (!isApiError(error)) return null
  const { status, headers } = error
  if (status === undefined || isQuota(error)) return null
  if (status !== 408 && status !== 409 && status !== 429 && (status < 500 || status === 501)) return null
  return { retryAfterMs: retryAfterMs(headers) }
}

/** The same while a connection is first tried: nobody listening will not change by asking again. */
export const temporaryAtFirst = (error: unknown): Temporary | null =>
  unreachable(error) === null && !(error instanceof AnswersHtml) ? temporary(error) : null

/** A request the server does not understand, so that a plainer one may do. */
export const isRefused = (error: unknown): boolean =>
  isApiError(error) && (error.status === 400 || error.status === 422)

/** Whatever the server will not do, for lack of the route, the field or the right: not trouble of its own. */
export const isDeclined = (error: unknown): boolean =>
  isApiError(error) && error.status !== undefined && error.status < 500 && temporary(error) === null

/** No such route; an HTML page for it says the same of the route, but also of the server. */
export const isAbsent = (error: unknown): boolean =>
  isApiError(error) && (error.status === 404 || error.status === 405 || error.status === 501)

export const isUnknown = (error: unknown): boolean => isApiError(error) && error.status === 404

const isApiError = (error: unknown): error is APIError => error instanceof APIError

const isQuota = (error: APIError): boolean =>
  error.code === 'insufficient_quota' || error.type === 'insufficient_quota'

/** `terminated` is what undici says of a body that ends early, SyntaxError what half a JSON text gives. */
const isBrokenBody = (error: unknown): boolean =>
  error instanceof SyntaxError ||
  (error instanceof TypeError && /terminated|fetch failed/.test(error.message))

function unreachable(error: unknown): string | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { code?: unknown }
    if (
      typeof code === 'string' &&
      /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT)$/.test(code)
    )
      return code
  }
  return null
}

export interface Asked {
  readonly baseUrl: string
  readonly model: string
  readonly apiKey: string | undefined
  readonly attempts: number
}

/** The error a user reads: what the endpoint did, and the next step. The key never shows, even if a server repeats it. */
export function explained(error: unknown, asked: Asked): unknown {
  const page = error instanceof AnswersHtml ? error.message : htmlIn(error)
  if (page === null) return told(error, asked)
  return new FulcrumError(
    'model',
    `${asked.baseUrl} answers a web page where JSON should be: ${page}`,
    'Give the URL of the API, which mostly ends with /v1, not that of a page about it; or look at the proxy between.',
  )
}

function told(error: unknown, { baseUrl, model, apiKey, attempts }: Asked): unknown {
  const fail = (message: string, hint: string): FulcrumError => new FulcrumError('model', hide(message), hint)
  const hide = (text: string): string =>
    apiKey === undefined || apiKey === '' ? text : text.replaceAll(apiKey, '***')
  const code = unreachable(error)
  if (code !== null) {
    return fail(`Nothing answers at ${baseUrl} (${code})`, 'Start the server, or check the URL and its port.')
  }
  if (error instanceof TimedOut) {
    return fail(
      `${baseUrl} ${error.message} in ${attempts} attempts`,
      'Look at the server and what stands between; if its answers take that long, raise --request-timeout.',
    )
  }
  if (error instanceof APIConnectionError || error instanceof IncompleteReply || isBrokenBody(error)) {
    const why = error instanceof Error ? deepest(error) : String(error)
    return fail(
      `${baseUrl} gave no whole answer in ${attempts} attempts: ${why}`,
      'Look at the server and what stands between; then run the same command again, finished shards are kept.',
    )
  }
  if (error instanceof FulcrumError)
    return new FulcrumError(error.code, hide(error.message), error.hint, error)
  if (!isApiError(error)) return error
  const { status } = error
  if (status === undefined) return error
  if (status === 401 || status === 403) {
    return fail(
      `${baseUrl} refuses ${apiKey === undefined ? 'requests without a key' : 'the API key'} (${status})`,
      'Set OPENAI_API_KEY to a key of this endpoint.',
    )
  }
  if (status === 404)
    return fail(
      `${baseUrl} has no model ${model} (404)`,
      'Check the name, and that the URL ends as the server wants it (mostly /v1).',
    )
  if (isQuota(error)) {
    return fail(
      `The quota at ${baseUrl} is used up`,
      'Raise it or use another key; then run the same command again, finished shards are kept.',
    )
  }
  if (temporary(error) !== null) {
    return fail(
      `${baseUrl} still answers ${status} after ${attempts} attempts: ${error.message}`,
      'Run the same command again later, finished shards are kept; lower the concurrency if it is 429.',
    )
  }
  return fail(
    `${baseUrl} refuses the request (${status}): ${error.message}`,
    'Check that the server speaks the OpenAI API and takes these options.',
  )
}

/** Refusals that come as a page: the client puts the body into the message. */
const htmlIn = (error: unknown): string | null =>
  isApiError(error) && error.status !== undefined && error.status < 500 && isHtml(error.message)
    ? titleOf(error.message)
    : null

const deepest = (error: Error): string =>
  error.cause instanceof Error ? deepest(error.cause) : error.message
