import { openScratch } from '../../store/scratch.ts'

/** Shingle sets of the documents that have to be compared, on disk; those read last are in memory. */
export interface ShingleStore {
  put(document: number, set: Uint32Array): void
  get(document: number): Uint32Array
  close(): void
}

/** A store for documents 0..size-1. */
export function openShingleStore(size: number): ShingleStore {
  const scratch = openScratch()
  const places = new Float64Array(size)
  const lengths = new Uint32Array(size)
  const cache = new Map<number, Uint32Array>()
  let cachedNumbers = 0
  return {
    put: (document, set) => {
      places[document] = scratch.append(set)
      lengths[document] = set.length
    },
    get: (document) => {
      const kept = cache.get(document)
      if (kept !== undefined) {
        // Last in the map's order: read last.
        cache.delete(document)
        cache.set(document, kept)
        return kept
      }
      const set = scratch.read(places[document] as number, lengths[document] as number)
      cache.set(document, set)
      cachedNumbers += set.length
      for (const [oldest, old] of cache) {
        if (cachedNumbers <= mostCachedNumbers || oldest === document) break
        cache.delete(oldest)
        cachedNumbers -= old.length
      }
      return set
    },
    close: () => scratch.close(),
  }
}

/** 32 MiB. */
const mostCachedNumbers = 2 ** 23
