import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removedColumns, verdictColumns } from '../../../record/audit.ts'
import type { Row } from '../../../record/columns.ts'
import { writeWhole } from '../../../store/files.ts'
import { createWholeParquet } from '../../../store/whole-parquet.ts'
import type { IndexedText } from '../evidence.ts'
import { itemKey, type TextVerdict } from '../judge.ts'
import type { Status } from '../rules.ts'
import type { EvidenceGroup } from './evidence-groups.ts'
import type { StoredPair } from './evidence-row.ts'
import type { JudgedRow } from './judge-row.ts'

/** Writes verdicts.parquet and removed.parquet row by row. */
export async function createVerdictFiles(folder: string) {
  const verdicts = await createWholeParquet(join(folder, 'verdicts.parquet'), verdictColumns)
  const removed = await createWholeParquet(join(folder, 'removed.parquet'), removedColumns)
  return {
    add: async (group: EvidenceGroup, judged: JudgedRow): Promise<void> => {
      const whole = { field_path: null, place: null, item_field: null }
      await verdicts.write(verdictRow(group, whole, judged.worst.verdict))
      for (const { path, place, verdict, byField } of judged.texts) {
        const text = { field_path: path, place, item_field: null }
        await verdicts.write(verdictRow(group, text, verdict))
        for (const { field, verdict: own } of byField)
          await verdicts.write(verdictRow(group, { ...text, item_field: field }, own))
      }
      if (judged.worst.verdict.status !== 'contaminated') return
      await removed.write({ ...where(group), reason: reasonOf(judged.worst.verdict), record: group.record })
    },
    close: async (): Promise<void> => {
      await verdicts.close()
      await removed.close()
    },
    abort: async (): Promise<void> => {
      await verdicts.abort()
      await removed.abort()
    },
  }
}

const where = ({ file, row, docId }: EvidenceGroup) => ({ train_file: file, row: BigInt(row), doc_id: docId })

function verdictRow(
  group: EvidenceGroup,
  of: Pick<Row<typeof verdictColumns>, 'field_path' | 'place' | 'item_field'>,
  { status, reason, score, pair, ngram, ties }: TextVerdict<StoredPair>,
): Row<typeof verdictColumns> {
  const item = pair?.item
  return {
    ...where(group),
    ...of,
    ...{ status, reason, score, ngram },
    benchmark: item?.benchmark ?? null,
    config: item?.config ?? null,
    split: item?.split ?? null,
    item_id: item?.itemId ?? null,
    entry: pair?.entry ?? null,
    ties: ties.map(nameOf),
  }
}

/** Why a row goes: the rule's reason and the item. */
const reasonOf = ({ reason, pair }: TextVerdict): string =>
  `contaminated (${String(reason)}): ${pair === null ? '' : nameOf(pair.item)}`

const nameOf = ({ benchmark, itemId }: Pick<IndexedText, 'benchmark' | 'itemId'>): string =>
  `${benchmark} item ${itemId}`

/** Writes, for each split of a benchmark, the ids of the items that are neither contaminated nor partial, so that a
 *  model can be scored on the clean subset. */
export async function writeCleanIds(
  folder: string,
  texts: readonly IndexedText[],
  statusOf: (item: IndexedText) => Status,
): Promise<void> {
  const splits = new Map<string, Map<string, IndexedText>>()
  for (const text of texts) {
    const name = fileName(text)
    const items = splits.get(name) ?? new Map<string, IndexedText>()
    splits.set(name, items)
    items.set(itemKey(text), text)
  }
  await rm(join(folder, 'clean_item_ids'), { recursive: true, force: true })
  await mkdir(join(folder, 'clean_item_ids'), { recursive: true })
  for (const [name, items] of splits) {
    const clean = [...items.values()].filter((item) => statusOf(item) === 'clean')
    const lines = clean.map(({ itemId }) => `${itemId.replace(/[\r\n]+/g, ' ')}\n`)
    await writeWhole(join(folder, 'clean_item_ids', `${name}.txt`), lines.join(''))
  }
}

/** A name from outside never is a path. */
const fileName = ({ benchmark, config, split }: IndexedText): string =>
  [benchmark, config, split]
    .filter((part) => part !== '')
    .join('__')
    .replace(/[^A-Za-z0-9_-]/g, (sign) => (sign === '.' ? '.' : '-'))
    .replace(/^\.+/, '')
    .slice(0, 120) || 'benchmark'
