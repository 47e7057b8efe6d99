import { type Random, rngFor } from '../statistics/random.ts'
import type { Items, Placed } from './items.ts'
import { type Draw, drawsOf, mixtureFrom, type Portion } from './mixture.ts'

/** Items are sorted by length inside a window of at most this many batches, so that padding stays under 10 % and order
 *  stays random; a window is also all that is in memory. */
const mostBatches = 32

/** A data set and how often it is gone through. */
export interface Portioned<Item> {
  readonly items: Items<Item>
  readonly epochs: number
}

export interface BatchStream<Item> {
  readonly steps: number
  /** The batch of step 1..steps, short ones first inside it; the last batch may hold fewer. */
  readonly at: (step: number) => Promise<readonly Placed<Item>[]>
}

/** Batches of like lengths from a mixture. A batch depends on the data, the seed and the step only, so that a step is
 *  enough to resume. */
export function batchStream<Item>(
  portions: readonly Portioned<Item>[],
  { batchSize, seed }: { readonly batchSize: number; readonly seed: number },
  lengthOf: (item: Item) => number,
): BatchStream<Item> {
  const counts: Portion[] = portions.map(({ items, epochs }) => ({ count: items.count, epochs }))
  const total = drawsOf(counts).reduce((sum, n) => sum + n, 0)
  // A window holds hardly more than one pass over any data set: copies of an item are of one length, and would meet.
  const pass = total / Math.max(1, ...counts.map(({ epochs }) => epochs))
  const windowBatches = Math.min(mostBatches, Math.max(1, Math.floor(pass / batchSize)))
  const windowItems = windowBatches * batchSize
  let current = { window: -1, batches: [] as readonly (readonly Placed<Item>[])[] }
  return {
    steps: Math.ceil(total / batchSize),
    at: async (step) => {
      const window = Math.floor((step - 1) / windowBatches)
      if (window !== current.window) {
        const draws = mixtureFrom(counts, seed, window * windowItems)
        const wanted: Draw[] = []
        for (const draw of draws) if (wanted.push(draw) === windowItems) break
        const placed = await readAll(portions, wanted)
        const batches = batchesOf(placed, batchSize, rngFor(seed, 'batches', window), lengthOf)
        current = { window, batches }
      }
      return current.batches[(step - 1) % windowBatches] ?? []
    },
  }
}

/** Items of the draws, in their order. */
async function readAll<Item>(
  portions: readonly Portioned<Item>[],
  draws: readonly Draw[],
): Promise<Placed<Item>[]> {
  const placed = Array.from<Placed<Item>>({ length: draws.length })
  for (const [source, { items }] of portions.entries()) {
    const mine = draws.flatMap((draw, i) => (draw.source === source ? [{ i, index: draw.index }] : []))
    const read = await items.read(mine.map(({ index }) => index))
    mine.forEach(({ i }, k) => (placed[i] = read[k] as Placed<Item>))
  }
  return placed
}

/** Sorted by length, cut, the full batches shuffled; a short batch, of the longest, stays last. */
function batchesOf<Item>(
  placed: readonly Placed<Item>[],
  batchSize: number,
  random: Random,
  lengthOf: (item: Item) => number,
): readonly (readonly Placed<Item>[])[] {
  const byLength = placed
    .map((one, i) => ({ one, i, length: lengthOf(one.item) }))
    .sort((a, b) => a.length - b.length || a.i - b.i)
    .map(({ one }) => one)
  const full: Placed<Item>[][] = []
  let at = 0
  for (; at + batchSize <= byLength.length; at += batchSize) full.push(byLength.slice(at, at + batchSize))
  const rest = byLength.slice(at)
  return rest.length === 0 ? shuffled(full, random) : [...shuffled(full, random), rest]
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
