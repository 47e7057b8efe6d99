import { openScratch } from '../../store/scratch.ts'

/** Shingle sets of the documents that have to be compared, on disk. */
export interface ShingleStore {
  put(document: number, set: Uint32Array): void
  get(document: number): Uint32Array
  close(): void
}

/** A store for documents 0..size-1: 12 bytes of memory each. */
export function openShingleStore(size: number): ShingleStore {
  const scratch = openScratch()
  const places = new Float64Array(size)
  const lengths = new Uint32Array(size)
  return {
    put: (document, set) => {
      places[document] = scratch.append(set)
      lengths[document] = set.length
    },
    get: (document) => scratch.read(places[document] as number, lengths[document] as number),
    close: () => scratch.close(),
  }
}
