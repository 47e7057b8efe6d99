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
  const interruption = interruptible(signal)
  const head = (): Promise<U> => interruption.orAbort(pending.shift() as Promise<U>)
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

/** Waits that end when the signal aborts, so that no call in flight holds up an interrupted run. One listener serves a
 *  whole stream, and a wait leaves nothing behind: a race against one long promise would keep every result alive. */
function interruptible(signal: AbortSignal): {
  orAbort: <U>(wait: Promise<U>) => Promise<U>
  ignore: () => void
} {
  let giveUp: (reason: unknown) => void = () => undefined
  const onAbort = (): void => giveUp(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  return {
    orAbort: (wait) =>
      new Promise((resolve, reject) => {
        giveUp = reject
        wait.then(resolve, reject)
      }),
    ignore: () => signal.removeEventListener('abort', onAbort),
  }
}
