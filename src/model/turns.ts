/** Works off items, `width` at once at most. Those that are not begun are not there yet: a million of them take no memory. */
export async function inTurns<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const rest = items[Symbol.iterator]()
  let isOver = false
  const workOff = async (first: T): Promise<void> => {
    try {
      await work(first)
      for (let next = rest.next(); next.done !== true && !isOver; next = rest.next()) await work(next.value)
    } catch (error) {
      isOver = true
      throw error
    }
  }
  const workers: Promise<void>[] = []
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    workers.push(workOff(next.value))
    if (workers.length >= width) break
  }
  await Promise.all(workers)
}

/** Requests for one prompt that wait for their turn at once: more than endpoints are asked at once, and as many as a batch takes. */
export const mostWaiting = { live: 1024, batched: 50_000 }
