import { type Classes, classesOf } from './components.ts'
import { findNear, type NearFound } from './near.ts'
import type { DuplicateOptions } from './options.ts'
import { columns, createSketcher, rowWidth } from './sketch.ts'
import { WordTable } from './word-table.ts'

/** One document of a corpus, as far as duplicates are concerned. */
export interface CorpusDocument {
  readonly text: string
  /** Where `keep` is pass-rate; null loses to every other. */
  readonly passRate: number | null
}

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
  readonly near: Omit<NearFound, 'centre' | 'jaccard'> | null
  /** The sketches, by document: columns are those of `sketch.ts`. */
  readonly table: WordTable
}

/** Finds duplicates among documents, in at most two passes over them: `read` must give the same ones each time. Memory is
 *  about 190 bytes a document in FineWeb's shape, however long they are (test/bench/dedupe.bench.ts); the shingles that
 *  have to be compared lie on disk. */
export async function findDuplicates(
  read: () => AsyncIterable<CorpusDocument>,
  options: DuplicateOptions,
  signal?: AbortSignal,
): Promise<Duplicates> {
  const { table, rates } = await sketchAll(read, options, signal)
  const classes = classesOf(table, options.kind)
  const order = orderOf(options.keep, table, rates)
  const champions = championsOf(classes.normalised, order)
  const near =
    options.kind === 'near'
      ? await findNear(
          {
            ...{ read, table, signal, normalised: classes.normalised },
            order: (a, b) => order(champions[a] as number, champions[b] as number),
          },
          options,
        )
      : null
  return { ...resolved(classes, champions, near), documents: table.rows, near, table }
}

async function sketchAll(
  read: () => AsyncIterable<CorpusDocument>,
  options: DuplicateOptions,
  signal: AbortSignal | undefined,
): Promise<{ table: WordTable; rates: number[] }> {
  const sketch = await createSketcher(options)
  const row = new Uint32Array(rowWidth(options))
  const table = new WordTable(row.length)
  const rates: number[] = []
  const encoder = new TextEncoder()
  for await (const { text, passRate } of read()) {
    if (table.rows % 1024 === 0) signal?.throwIfAborted()
    sketch(encoder.encode(text), row)
    table.push(row)
    if (options.keep === 'pass-rate') rates.push(passRate ?? -1)
  }
  return { table, rates }
}

/** Which of two documents would rather stay; of equals the first. */
function orderOf(
  keep: DuplicateOptions['keep'],
  table: WordTable,
  rates: readonly number[],
): (a: number, b: number) => number {
  if (keep === 'first') return (a, b) => a - b
  if (keep === 'pass-rate') return (a, b) => (rates[b] as number) - (rates[a] as number) || a - b
  return (a, b) => table.get(b, columns.bytes) - table.get(a, columns.bytes) || a - b
}

/** Of the documents with the same words, by the first of them: the one that would rather stay. */
function championsOf(firsts: Int32Array, order: (a: number, b: number) => number): Int32Array {
  const champions = new Int32Array(firsts.length).fill(-1)
  for (let document = 0; document < firsts.length; document++) {
    const first = firsts[document] as number
    const champion = champions[first] as number
    if (champion < 0 || order(document, champion) < 0) champions[first] = document
  }
  return champions
}

function resolved(
  { exact, normalised }: Classes,
  champions: Int32Array,
  near: NearFound | null,
): Pick<Duplicates, 'representative' | 'jaccard' | 'size' | 'kindOf'> {
  const representative = new Int32Array(normalised.length)
  const jaccard = new Float64Array(normalised.length).fill(1)
  const size = new Int32Array(normalised.length)
  for (let document = 0; document < normalised.length; document++) {
    const first = normalised[document] as number
    const stays = champions[near?.centre[first] ?? first] as number
    representative[document] = stays
    size[stays] = (size[stays] as number) + 1
    if (near !== null) jaccard[document] = near.jaccard[first] as number
  }
  const kindOf = (document: number): DuplicateKind => {
    const stays = representative[document] as number
    if (exact[document] === exact[stays]) return 'exact'
    return normalised[document] === normalised[stays] ? 'normalised' : 'near'
  }
  return { representative, jaccard, size, kindOf }
}
