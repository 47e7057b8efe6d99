/** A training item and where it comes from, for messages. */
export interface Placed<Item> {
  readonly item: Item
  /** As `train-00002-of-00005.parquet row 17`. */
  readonly place: string
}

/** Training items at random access, in memory or on disk. */
export interface Items<Item> {
  /** For messages. */
  readonly name: string
  /** Decides the items to the last id: in run.json and in the hash that resume checks. */
  readonly id: string
  readonly count: number
  /** Rows that are not items, and what else is to be known of the rows, by reason. */
  readonly counted: Readonly<Record<string, number>>
  /** Where figures about the items may be kept; null: with the run. */
  readonly cacheFolder: string | null
  read(indices: readonly number[]): Promise<readonly Placed<Item>[]>
}

/** Items that are at hand; the name must change when they do. */
export function inMemory<Item>(name: string, items: readonly Item[]): Items<Item> {
  return {
    name,
    id: name,
    count: items.length,
    counted: {},
    cacheFolder: null,
    read: (indices) =>
      Promise.resolve(indices.map((i) => ({ item: items[i] as Item, place: `${name} item ${i}` }))),
  }
}
