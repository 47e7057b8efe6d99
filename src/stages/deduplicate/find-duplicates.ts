import { words } from '../../text/words.ts'
import { calibrate, type Calibration, samplePairs } from './calibration.ts'
import { type Classes, classesOf } from './classes.ts'
import { eachGroup, type Groups, linkedGroups } from './components.ts'
import { type Details, newDetails } from './details.ts'
import type { DocumentSource } from './documents.ts'
import type { DuplicateOptions } from './options.ts'
import { shingleSet } from './shingles.ts'
import { openShingleStore, type ShingleStore } from './shingle-store.ts'
import { columns, putSketch, signatureShape, sketchWidth } from './sketch.ts'
import { splitIntoStars } from './stars.ts'
import { WordTable } from './word-table.ts'

/** How a document is like the one that stays. */
export type DuplicateKind = 'exact' | 'normalised' | 'near'

/** What became of each document, by its number in the corpus. */
export interface Duplicates {
  readonly documents: number
  /** The document that stays: itself, or the one it went for. */
  readonly representative: Int32Array
  /** Jaccard of shingles with it; 1 where the words are the same. */
  readonly jaccard: Float64Array
  /** Documents of the cluster of each that stays; 0 for those that went. */
  readonly size: Int32Array
  readonly kindOf: (document: number) => DuplicateKind
  /** Of the search for near-duplicates, where there was one. */
  readonly near: NearCounts | null
}

interface NearCounts {
  /** Documents of different words that bands link with another. */
  readonly linked: number
  /** Entries left out of the bounded lists of `stars.ts`. */
  readonly leftOut: number
  /** Documents with fewer words than a shingle: near to none but those with the same words. */
  readonly tooShort: number
  readonly calibration: Calibration
}

/** Finds duplicates in two passes. The first takes a sketch of every document, 136 bytes of memory in FineWeb's
 *  shape however long it is (test/bench/dedupe.bench.ts); bands link documents into groups. The second fetches those
 *  that have an equal or are linked, with their shingles on disk, and splits groups into stars by true Jaccard. */
export async function findDuplicates(
  source: DocumentSource,
  options: DuplicateOptions,
  signal?: AbortSignal,
): Promise<Duplicates> {
  const table = await sketchAll(source, options, signal)
  const content = table.firstOfKind(columns.content, columns.content + 4)
  const links = options.kind === 'near' ? linksOf(table, content, options) : null
  const details = newDetails(table.rows, options.keep)
  const store = openShingleStore(table.rows)
  try {
    const wanted = wantedOf(content, links)
    for await (const found of source.texts(wanted.texts)) {
      signal?.throwIfAborted()
      const spoken = found.texts.map(words)
      details.put(found.document, found, spoken)
      if (wanted.shingles[found.document] === 1)
        store.put(found.document, shingleSet(spoken, options.shingle))
    }
    const classes = classesOf(details, options.kind)
    if (links === null) return { ...resolved(classes, null), documents: table.rows, near: null }
    const stars = starsOf(links, { table, classes, details, store }, options, signal)
    return { ...resolved(classes, stars), documents: table.rows, near: stars.counts }
  } finally {
    store.close()
  }
}

async function sketchAll(
  source: DocumentSource,
  options: DuplicateOptions,
  signal: AbortSignal | undefined,
): Promise<WordTable> {
  const table = new WordTable(sketchWidth(options))
  const row = new Uint32Array(table.width)
  for await (const signed of source.signed(signatureShape(options))) {
    signal?.throwIfAborted()
    for (let i = 0; i < signed.words.length; i++) {
      putSketch(signed, i, options, row)
      table.push(row)
    }
  }
  return table
}

interface Links {
  readonly groups: Groups
  readonly pairs: ReturnType<typeof samplePairs>
  readonly tooShort: number
}

/** Groups that bands link, and the pairs to calibrate by, among documents that are the first of their words. */
function linksOf(table: WordTable, content: Int32Array, { bands, shingle }: DuplicateOptions): Links {
  const heads = content.filter((first, row) => first === row && table.get(row, columns.words) > 0)
  return {
    groups: linkedGroups(table, heads, bands),
    pairs: samplePairs(table, heads),
    tooShort: table.count((row) => table.get(row, columns.words) < shingle),
  }
}

/** Marks the documents whose texts are needed, and those whose shingles are. */
function wantedOf(content: Int32Array, links: Links | null): { texts: Uint8Array; shingles: Uint8Array } {
  const shingles = new Uint8Array(content.length)
  for (const member of links?.groups.members ?? []) shingles[member] = 1
  for (const [a, b] of links?.pairs ?? []) shingles[a] = shingles[b] = 1
  const texts = shingles.slice()
  for (let row = 0; row < content.length; row++) {
    const first = content[row] as number
    if (first !== row) texts[first] = texts[row] = 1
  }
  return { texts, shingles }
}

interface Stars {
  /** The class that stays in the place of each, by the first documents of both. */
  readonly centre: Int32Array
  readonly jaccard: Float64Array
  readonly counts: NearCounts
}

function starsOf(
  { groups, pairs, tooShort }: Links,
  of: { table: WordTable; classes: Classes; details: Details; store: ShingleStore },
  options: DuplicateOptions,
  signal: AbortSignal | undefined,
): Stars {
  const { table, classes, details, store } = of
  const centre = Int32Array.from({ length: table.rows }, (_, row) => row)
  const jaccard = new Float64Array(table.rows).fill(1)
  const shingles = (document: number): Uint32Array => store.get(document)
  const champion = (head: number): number => classes.champions[head] as number
  const order = (a: number, b: number): number => details.order(champion(a), champion(b))
  const assign = (document: number, stays: number, alike: number): void => {
    centre[document] = stays
    jaccard[document] = alike
  }
  let leftOut = 0
  for (const group of eachGroup(groups)) {
    signal?.throwIfAborted()
    leftOut += splitIntoStars(group, { ...options, table, order, shingles }, { assign })
  }
  const together = (a: number, b: number): boolean => centre[a] === centre[b]
  const calibration = calibrate({ table, pairs, shingles, together }, options)
  return { centre, jaccard, counts: { linked: groups.members.length, leftOut, tooShort, calibration } }
}

function resolved(
  { exact, same, champions }: Classes,
  stars: Stars | null,
): Omit<Duplicates, 'documents' | 'near'> {
  const representative = new Int32Array(same.length)
  const jaccard = new Float64Array(same.length).fill(1)
  const size = new Int32Array(same.length)
  for (let document = 0; document < same.length; document++) {
    const first = same[document] as number
    const stays = champions[stars?.centre[first] ?? first] as number
    representative[document] = stays
    size[stays] = (size[stays] as number) + 1
    if (stars !== null) jaccard[document] = stars.jaccard[first] as number
  }
  const kindOf = (document: number): DuplicateKind => {
    const stays = representative[document] as number
    if (exact[document] === exact[stays]) return 'exact'
    return same[document] === same[stays] ? 'normalised' : 'near'
  }
  return { representative, jaccard, size, kindOf }
}
