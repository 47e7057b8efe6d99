import { setTimeout as sleep } from 'node:timers/promises'
import { rngFor } from '../statistics/random.ts'

export interface RetryPolicy {
  /** Requests made for one answer, the first included. */
  readonly attempts: number
  /** Wait before the second attempt; it doubles from there. */
  readonly firstWaitMs: number
  readonly longestWaitMs: number
}

export const defaultRetry: RetryPolicy = { attempts: 6, firstWaitMs: 500, longestWaitMs: 30_000 }

/** A server that asks for more patience than this is taken at its word: the run stops instead of hanging. */
const longestRetryAfterMs = 600_000

/** A failure worth another attempt, with the wait the server asked for. */
export interface Temporary {
  readonly retryAfterMs: number | null
}

/** Asks again while `temporary` says so. The wait doubles up to its cap and is jittered by half, keyed, and never below what
 *  the server asked for. The last error is thrown as it came. */
export async function withRetries<T>(
  ask: () => Promise<T>,
  temporary: (error: unknown) => Temporary | null,
  { attempts, firstWaitMs, longestWaitMs }: RetryPolicy,
  key: readonly (string | number)[],
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      const again = attempt < attempts && signal?.aborted !== true ? temporary(error) : null
      if (again === null || (again.retryAfterMs ?? 0) > longestRetryAfterMs) throw error
      const backoff = Math.min(longestWaitMs, firstWaitMs * 2 ** (attempt - 1))
      const jittered = backoff * (0.5 + 0.5 * rngFor('retry', ...key, attempt).next())
      await sleep(Math.max(jittered, again.retryAfterMs ?? 0), undefined, signal && { signal })
    }
  }
}

/** Retry-After in its three forms: seconds, an HTTP date (against the server's own Date), and milliseconds as OpenAI
 *  sends them. Null where it is missing or says nothing. */
export function retryAfterMs(headers: Pick<Headers, 'get'> | undefined): number | null {
  const milliseconds = Number(headers?.get('retry-after-ms') ?? Number.NaN)
  if (milliseconds >= 0) return milliseconds
  const asked = headers?.get('retry-after') ?? null
  if (asked === null) return null
  if (/^\s*\d+(\.\d+)?\s*$/.test(asked)) return Number(asked) * 1000
  const wait = Date.parse(asked) - Date.parse(headers?.get('date') ?? '')
  return Number.isNaN(wait) ? null : Math.max(0, wait)
}
