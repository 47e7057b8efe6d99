import { itemColumns } from '../../../record/audit.ts'
import type { Row } from '../../../record/columns.ts'
import { readParquet } from '../../../store/parquet-reader.ts'
import { createWholeParquet } from '../../../store/whole-parquet.ts'
import type { TextScanner } from '../../../text/scan.ts'
import type { ItemField } from '../../../store/benchmarks/texts.ts'
import { type IndexedText, indexedText } from '../evidence.ts'
import type { Items } from './items.ts'

/** Texts of benchmarks and, for each, the corpus rows that hold the 7-gram at each of its words. */
export interface StoredItems {
  /** Indexed ones first: the position of a text is its entry. Behind them those too short to be looked for. */
  readonly texts: readonly IndexedText[]
  readonly frequencies: readonly (readonly number[])[]
}

/** Writes what evidence points to: every indexed text with the document frequency of its 7-grams. */
export async function writeItems(
  path: string,
  { indexed, others }: Pick<Items, 'indexed' | 'others'>,
  gramId: TextScanner['gramId'],
  documentFrequency: Uint32Array,
): Promise<void> {
  const writer = await createWholeParquet(path, itemColumns)
  try {
    for (const [entry, { benchmark, config, split, itemId, field, text }] of [
      ...indexed,
      ...others,
    ].entries()) {
      const df: bigint[] = []
      if (entry < indexed.length)
        for (let word = 0, id = gramId(entry, 0); id >= 0; id = gramId(entry, ++word))
          df.push(BigInt(documentFrequency[id] ?? 0))
      await writer.write({ benchmark, config, split, item_id: itemId, field, text, df })
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

export async function readItems(path: string): Promise<StoredItems> {
  const texts: IndexedText[] = []
  const frequencies: number[][] = []
  for await (const row of readParquet(path) as AsyncIterable<unknown> as AsyncIterable<
    Row<typeof itemColumns>
  >) {
    const { benchmark, config, split, item_id: itemId, text, df } = row
    texts.push(indexedText({ benchmark, config, split, itemId, field: row.field as ItemField, text }))
    frequencies.push(df.map(Number))
  }
  return { texts, frequencies }
}
