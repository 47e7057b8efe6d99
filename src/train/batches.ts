import { type Random, rngFor } from '../statistics/random.ts'

/** Batches sorted by length inside a window of this many, so that padding stays under 10 % and order stays random. */
const windowBatches = 32

/** Index of every example of each batch of one epoch; the last batch may be short. Depends on (seed, epoch) only,
 *  so that a position is enough to resume. */
export function batchesOf(
  lengths: readonly number[],
  batchSize: number,
  seed: number,
  epoch: number,
): readonly (readonly number[])[] {
  const random = rngFor(seed, 'batches', epoch)
  const order = shuffled(
    lengths.map((_, i) => i),
    random,
  )
  const batches: number[][] = []
  for (let start = 0; start < order.length; start += windowBatches * batchSize) {
    const window = order.slice(start, start + windowBatches * batchSize)
    window.sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b)
    for (let at = 0; at < window.length; at += batchSize) batches.push(window.slice(at, at + batchSize))
  }
  return shuffled(batches, random)
}

/** Fisher-Yates, in place. */
function shuffled<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const swapped = items[i] as T
    items[i] = items[j] as T
    items[j] = swapped
  }
  return items
}

/** Ids right-padded with 0 to the longest, row-major [B, T]. */
export function padded(rows: readonly (readonly number[])[]): { ids: Int32Array; length: number } {
  const length = Math.max(...rows.map((row) => row.length))
  const ids = new Int32Array(rows.length * length)
  rows.forEach((row, b) => ids.set(row, b * length))
  return { ids, length }
}
