import type { Headers } from 'undici'
import { FulcrumError } from '../../errors.ts'
import { retryAfterMs, type Temporary } from '../retry.ts'

/** A status that is no success. */
export class HubRefusal extends Error {
  override readonly name = 'HubRefusal'
  readonly status: number
  readonly headers: Headers
  /** X-Error-Code: GatedRepo, RepoNotFound, RevisionNotFound, EntryNotFound. */
  readonly code: string | null

  constructor(url: string, status: number, headers: Headers, body: string) {
    super(`${url} answers ${status} ${headers.get('x-error-message') ?? body.slice(0, 200)}`.trim())
    this.status = status
    this.headers = headers
    this.code = headers.get('x-error-code')
  }
}

/** A body that ended early or does not begin where it was asked to. */
export class BrokenBody extends Error {
  override readonly name = 'BrokenBody'
}

/** What the Hub itself calls temporary, and what a broken connection is. */
export function temporary(error: unknown): Temporary | null {
  if (error instanceof HubRefusal) {
    const again =
      error.status === 408 || error.status === 429 || (error.status >= 500 && error.status !== 501)
    return again ? { retryAfterMs: retryAfterMs(error.headers) } : null
  }
  if (unreachable(error) !== null) return null
  // `terminated` and `fetch failed` are what undici says of a connection that breaks.
  const broken =
    error instanceof BrokenBody ||
    (error instanceof TypeError && /terminated|fetch failed/.test(error.message))
  return broken ? { retryAfterMs: null } : null
}

/** The code of an address at which nobody listens: asking again would not change it. */
export function unreachable(error: unknown): string | null {
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

/** The error a user reads when a dataset is refused: what the Hub said, and the next step. */
export function refusal(error: unknown, hubUrl: string, dataset: string, hasToken: boolean): unknown {
  if (!(error instanceof HubRefusal)) return error
  const page = `${hubUrl}/datasets/${dataset}`
  const local = 'or give a local file: NAME=PATH.'
  const fail = (message: string, hint: string): FulcrumError => new FulcrumError('data', message, hint, error)
  const { status, code } = error
  if (code === 'GatedRepo') {
    return fail(
      `${dataset} is gated: the Hub gives it only to accounts that have accepted its terms (${status})`,
      `Accept the terms at ${page}, set HF_TOKEN to a token of that account and run this again; ${local}`,
    )
  }
  if (status === 401 && hasToken && code !== 'RepoNotFound') {
    return fail(
      `The Hub does not take the token in HF_TOKEN (401)`,
      `Make a new one at ${hubUrl}/settings/tokens.`,
    )
  }
  if (code === 'RevisionNotFound' || code === 'EntryNotFound') {
    return fail(
      `${dataset} has no such ${code === 'EntryNotFound' ? 'file' : 'revision'} (${status}): ${error.message}`,
      `Look at ${page}/tree/main; ${local}`,
    )
  }
  if (status === 404 || code === 'RepoNotFound' || status === 401) {
    const hidden = hasToken ? '' : ', or it is private and wants HF_TOKEN'
    return fail(`The Hub has no dataset ${dataset}${hidden} (${status})`, `Check ${page}; ${local}`)
  }
  if (status === 403) {
    return fail(`The Hub refuses ${dataset} to this account (403)`, `Look at ${page} with it; ${local}`)
  }
  return fail(error.message, `Look at ${page}; ${local}`)
}

/** The same for a push. */
export function pushRefusal(thrown: unknown, hubUrl: string, dataset: string): unknown {
  // Patience that ran out on a 429 says what the Hub asks for, not how often it was asked.
  const { cause } = thrown as { cause?: unknown }
  const error = cause instanceof HubRefusal && cause.status === 429 ? cause : thrown
  if (!(error instanceof HubRefusal)) return error
  const [owner = ''] = dataset.split('/')
  const tokens = `${hubUrl}/settings/tokens`
  const [message, hint] = ((): [string, string] => {
    switch (error.status) {
      case 401:
        return ['The Hub does not take the token in HF_TOKEN (401)', `Make a new one at ${tokens}.`]
      case 403:
        return [
          `The token in HF_TOKEN may not write to ${dataset} (403)`,
          `Make one with write access to ${owner} at ${tokens}.`,
        ]
      case 404:
        return [
          `The Hub has no place for ${dataset} (404)`,
          `Check that ${owner} is your account or organisation, and --hub.`,
        ]
      case 409:
      case 412:
        return [
          `${dataset} was changed by another commit meanwhile (${error.status})`,
          'Run the same command again: what has been uploaded is not sent twice.',
        ]
      case 429:
        return [
          'The Hub asks for a long pause (429)',
          'Run the same command again later: what has been uploaded is not sent twice.',
        ]
      default:
        return [error.message, 'Run the same command again: what has been uploaded is not sent twice.']
    }
  })()
  return new FulcrumError('data', message, hint, error)
}
