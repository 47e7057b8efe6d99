import { FulcrumError } from '../../../errors.ts'
import type { Scan } from '../../../store/audit-summary.ts'
import { type IndexedText, indexedText, type ItemText } from '../evidence.ts'

type Looked = Scan['benchmarks'][number]

/** All texts that are looked for, and what each benchmark offers to be found. */
export interface Items {
  readonly texts: readonly IndexedText[]
  readonly benchmarks: readonly Looked[]
}

const questionFields = new Set<string>(['question', 'question+choices', 'choice', 'context'])

/** Takes the texts of a benchmark's items, in their order. An id that comes back after another item is another item: it
 *  is counted and told apart. */
export async function gatherItems(benchmarks: readonly AsyncIterable<ItemText>[]): Promise<Items> {
  const texts: IndexedText[] = []
  const found = new Map<string, Gathered>()
  for (const benchmark of benchmarks) {
    for await (const text of benchmark) {
      const key = JSON.stringify([text.benchmark, text.config, text.split])
      let gathered = found.get(key)
      if (gathered === undefined) found.set(key, (gathered = newSplit(text)))
      texts.push(take(gathered, text))
    }
  }
  if (texts.length === 0) {
    throw new FulcrumError(
      'data',
      'The benchmarks have no text',
      'Without items nothing can be said to be clean.',
    )
  }
  return { texts, benchmarks: [...found.values()].map(lookedAt) }
}

interface Gathered {
  readonly of: Pick<ItemText, 'benchmark' | 'config' | 'split'>
  /** Words of the texts of each item by which it could be found, question texts where it has some. */
  readonly items: Map<string, { questions: number[]; others: number[] }>
  readonly uses: Map<string, number>
  last: { readonly id: string; readonly unique: string } | null
  texts: number
  duplicates: number
}

const newSplit = ({ benchmark, config, split }: ItemText): Gathered => ({
  of: { benchmark, config, split },
  items: new Map(),
  uses: new Map(),
  last: null,
  texts: 0,
  duplicates: 0,
})

function take(gathered: Gathered, text: ItemText): IndexedText {
  if (gathered.last?.id !== text.itemId) {
    const use = (gathered.uses.get(text.itemId) ?? 0) + 1
    gathered.uses.set(text.itemId, use)
    if (use > 1) gathered.duplicates++
    gathered.last = { id: text.itemId, unique: use === 1 ? text.itemId : `${text.itemId}#${use}` }
  }
  const itemId = gathered.last.unique
  const indexed = indexedText({ ...text, itemId })
  let item = gathered.items.get(itemId)
  if (item === undefined) gathered.items.set(itemId, (item = { questions: [], others: [] }))
  const size = indexed.words.length
  if (questionFields.has(text.field)) item.questions.push(size)
  else item.others.push(size)
  gathered.texts++
  // The words made for counting are not kept: of a large registry they would be most of the memory.
  return indexedText({ ...text, itemId })
}

function lookedAt({ of, items, texts, duplicates }: Gathered): Looked {
  const sizes = [...items].map(([id, { questions, others }]) => ({
    id,
    most: Math.max(0, ...(questions.length > 0 ? questions : others)),
  }))
  return {
    ...of,
    items: items.size,
    texts,
    duplicate_ids: duplicates,
    undetectable_13: sizes.filter(({ most }) => most < 13).length,
    undetectable_7: sizes.filter(({ most }) => most < 7).length,
    key_only: sizes.filter(({ most }) => most > 0 && most < 7).length,
    without_feature: sizes.filter(({ most }) => most === 0).map(({ id }) => id),
  }
}
