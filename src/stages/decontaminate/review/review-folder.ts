import { join } from 'node:path'
import { parseSelection } from '../../../corpus/selection.ts'
import { reviewColumns } from '../../../record/audit.ts'
import type { Review } from '../../../store/audit-summary.ts'
import { createWholeParquet } from '../../../store/whole-parquet.ts'
import { readableRecords, textsOf } from '../audit/sample.ts'
import { rateOf } from '../audit/tally.ts'
import type { IndexedText } from '../evidence.ts'
import { createScreen, screenDefaults, type Suspicion } from './screen.ts'

export interface ReviewInput {
  readonly folder: string
  readonly files: readonly string[]
  readonly fields: readonly string[]
  readonly questions: readonly IndexedText[]
  readonly signal: AbortSignal
  readonly watch: (rows: number) => void
  /** Rows that are not looked at, but counted. */
  readonly skip: (file: string, row: number) => boolean
}

/** Writes review.parquet: texts that look like items in other words or with other numbers. A pass of its own, at the
 *  speed of objects: rare words are no n-grams, and the scan does not know them. */
export async function reviewFolder(input: ReviewInput): Promise<Review> {
  const { folder, files, fields, questions, signal, watch, skip } = input
  const screen = await createScreen(questions)
  const selection = parseSelection(fields.length === 0 ? 'all' : fields)
  const writer = await createWholeParquet(join(folder, 'review.parquet'), reviewColumns)
  let [rows, paraphrase, numbers, listed] = [0, 0, 0, 0]
  try {
    for (const file of files) {
      for await (const { line, value } of readableRecords(file)) {
        if (value === null) continue
        signal.throwIfAborted()
        watch(++rows)
        if (skip(file, line)) continue
        const kinds = new Set<Suspicion['kind']>()
        for (const { path, text } of textsOf(value, selection)) {
          for (const suspicion of screen(text)) {
            kinds.add(suspicion.kind)
            await writer.write(reviewRow({ file, line, id: value.id, path }, suspicion))
          }
        }
        if (kinds.has('paraphrase')) paraphrase++
        if (kinds.has('numbers changed')) numbers++
        if (kinds.size > 0) listed++
      }
    }
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
  return {
    rows: listed,
    paraphrase: rateOf(paraphrase, rows),
    numbers: rateOf(numbers, rows),
    least_paraphrase: screenDefaults.leastParaphrase,
    least_masked: screenDefaults.leastMasked,
  }
}

function reviewRow(
  { file, line, id, path }: { file: string; line: number; id: unknown; path: string },
  { item, paraphrase, numbers, masked, kind }: Suspicion,
) {
  return {
    train_file: file,
    row: BigInt(line),
    doc_id: typeof id === 'string' || typeof id === 'number' ? String(id) : null,
    field_path: path,
    benchmark: item.benchmark,
    config: item.config,
    split: item.split,
    item_id: item.itemId,
    review_paraphrase: paraphrase,
    review_numbers: numbers,
    review_masked: masked,
    kind,
  }
}
