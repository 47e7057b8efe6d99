import { TimedOut } from './failure.ts'

/** Runs a request that ends when time is up or the signal aborts, its body included; the client's own timeout ends at the
 *  headers. Nothing stays behind on the signal, which lives as long as the run. */
export async function withDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const late = new TimedOut(`gave no whole answer within ${timeoutMs / 1000} s`)
  const timer = setTimeout(() => own.abort(late), timeoutMs)
  const onAbort = (): void => own.abort(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    signal?.throwIfAborted()
    return await ask(own.signal)
  } catch (error) {
    throw own.signal.reason === late ? late : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
