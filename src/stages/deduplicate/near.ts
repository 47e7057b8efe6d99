import { calibrate, type Calibration, type Pairs, samplePairs } from './calibration.ts'
import { eachGroup, linkedGroups } from './components.ts'
import type { CorpusDocument } from './find-duplicates.ts'
import type { DuplicateOptions } from './options.ts'
import { shingleSet } from './shingles.ts'
import { openShingleStore, type ShingleStore } from './shingle-store.ts'
import { columns } from './sketch.ts'
import { splitIntoStars } from './stars.ts'
import type { WordTable } from './word-table.ts'

export interface NearInput {
  readonly read: () => AsyncIterable<CorpusDocument>
  readonly table: WordTable
  /** The first document with the same words, of each. */
  readonly normalised: Int32Array
  /** Which of two documents that are the first of their words would rather stay; negative for the first. */
  readonly order: (a: number, b: number) => number
  readonly signal: AbortSignal | undefined
}

/** What the search for near-duplicates found among documents that are the first of their words. */
export interface NearFound {
  /** The document that stays in the place of each; itself where none is near. */
  readonly centre: Int32Array
  /** Jaccard with it. */
  readonly jaccard: Float64Array
  readonly linked: number
  readonly leftOut: number
  readonly tooShort: number
  readonly calibration: Calibration
}

/** Near-duplicates: bands link documents into groups, groups are split into stars by true Jaccard. The second pass over
 *  the corpus fetches the shingles of what was linked. */
export async function findNear(input: NearInput, options: DuplicateOptions): Promise<NearFound> {
  const { table, normalised } = input
  const longEnough = (row: number): boolean => table.get(row, columns.words) >= options.shingle
  const all = Int32Array.from({ length: table.rows }, (_, row) => row)
  const heads = all.filter((row) => normalised[row] === row && longEnough(row))
  const groups = linkedGroups(table, heads, options.bands)
  const pairs = samplePairs(table, heads)

  const store = openShingleStore(table.rows)
  try {
    await fetchShingles(input, options, wanted(table.rows, groups.members, pairs), store)
    const centre = all
    const jaccard = new Float64Array(table.rows).fill(1)
    const shingles = (document: number): Uint32Array => store.get(document)
    const assign = (document: number, stays: number, alike: number): void => {
      centre[document] = stays
      jaccard[document] = alike
    }
    let leftOut = 0
    for (const group of eachGroup(groups)) {
      input.signal?.throwIfAborted()
      leftOut += splitIntoStars(group, { ...options, table, order: input.order, shingles }, { assign })
    }
    const together = (a: number, b: number): boolean => centre[a] === centre[b]
    const calibration = calibrate({ table, pairs, shingles, together }, options)
    const tooShort = table.count((row) => !longEnough(row))
    return { centre, jaccard, linked: groups.members.length, leftOut, tooShort, calibration }
  } finally {
    store.close()
  }
}

function wanted(documents: number, members: Int32Array, pairs: Pairs): Uint8Array {
  const marks = new Uint8Array(documents)
  for (const member of members) marks[member] = 1
  for (const [a, b] of pairs) marks[a] = marks[b] = 1
  return marks
}

async function fetchShingles(
  { read, signal }: NearInput,
  { shingle }: DuplicateOptions,
  marks: Uint8Array,
  store: ShingleStore,
): Promise<void> {
  let document = 0
  for await (const { text } of read()) {
    if (document % 1024 === 0) signal?.throwIfAborted()
    if (marks[document] === 1) store.put(document, shingleSet(text, shingle))
    document++
  }
}
