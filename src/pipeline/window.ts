import pLimit from 'p-limit'
import { FulcrumError } from '../errors.ts'

export interface WindowOptions {
  /** Calls running at once. */
  readonly concurrency: number
  /** Rows taken in but not yet given back; 8 x concurrency keeps calls busy behind one slow row (simulated: 1.03 of
   *  the ideal time, where batches of 16 took 3.2). */
  readonly backlog?: number
}

/** Applies an asynchronous function to rows, some at once, and gives the results in the order of the rows. What is
 *  taken in and given back follows from the rows alone, never from which call ends first. */
export async function* inOrder<T, U>(
  rows: AsyncIterable<T>,
  { concurrency, backlog = 8 * concurrency }: WindowOptions,
  signal: AbortSignal,
  each: (row: T) => Promise<U>,
): AsyncGenerator<U> {
  checkWindow(concurrency, backlog)
  const limit = pLimit(concurrency)
  const pending: Promise<U>[] = []
  const interruption = interrupted(signal)
  const head = (): Promise<U> => Promise.race([pending.shift() as Promise<U>, interruption.happens])
  try {
    for await (const row of rows) {
      signal.throwIfAborted()
      const result = limit(each, row)
      // A failure is thrown when its turn comes; until then it is not an unhandled rejection.
      result.catch(() => undefined)
      pending.push(result)
      if (pending.length >= backlog) yield await head()
    }
    while (pending.length > 0) yield await head()
  } finally {
    limit.clearQueue()
    interruption.ignore()
  }
}

function checkWindow(concurrency: number, backlog: number): void {
  const whole = (value: number): boolean => Number.isInteger(value) && value >= 1
  if (whole(concurrency) && whole(backlog)) return
  throw new FulcrumError(
    'config',
    `A stage has concurrency ${concurrency} and backlog ${backlog}`,
    'Give whole numbers of at least 1.',
  )
}

/** A promise that fails when the signal aborts, so that no call in flight holds up an interrupted run. */
function interrupted(signal: AbortSignal): { happens: Promise<never>; ignore: () => void } {
  let ignore = (): void => undefined
  const happens = new Promise<never>((_, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    ignore = () => signal.removeEventListener('abort', onAbort)
  })
  happens.catch(() => undefined)
  return { happens, ignore }
}
