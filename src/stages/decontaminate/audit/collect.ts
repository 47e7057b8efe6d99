import { join } from 'node:path'
import { evidenceColumns, keptRecordColumns } from '../../../record/audit.ts'
import type { Columns, Row } from '../../../record/columns.ts'
import { readParquet } from '../../../store/parquet-reader.ts'
import { createWholeParquet } from '../../../store/whole-parquet.ts'
import { type TextScanner } from '../../../text/scan.ts'
import type { IndexedText } from '../evidence.ts'
import { itemKey } from '../judge.ts'
import { type LocatedPair, pairsOf } from '../pairs.ts'
import { type PlacedText, placedTexts } from '../places.ts'
import type { PhraseList } from '../phrases.ts'
import { answerDistance } from './answers.ts'
import { type EvidenceRow, evidenceRow } from './evidence-row.ts'
import type { PassResult, ScannedField, ScannedRecord, UnitSink } from './pass.ts'

/** What evidence is made with. */
export interface Collecting {
  readonly texts: readonly IndexedText[]
  readonly answers: ReadonlyMap<string, readonly (readonly string[])[]>
  readonly allow: PhraseList
  /** For parts of fields, which are judged apart: its counts are not the pass's. */
  readonly scanner: TextScanner
}

/** Names of the files that a unit of a pass leaves. */
const parts = { evidence: 'evidence.parquet', records: 'records.parquet' } as const

/** Document frequency is known only after the pass. */
const scanColumns = Object.fromEntries(
  Object.entries(evidenceColumns).filter(([name]) => name !== 'df_max'),
) as Omit<typeof evidenceColumns, 'df_max'>

/** Takes what a unit finds to its evidence and to the records worth keeping. */
export async function collectUnit(part: (name: string) => string, collecting: Collecting): Promise<UnitSink> {
  const evidence = await createWholeParquet(part(parts.evidence), scanColumns)
  const records = await createWholeParquet(part(parts.records), keptRecordColumns)
  return {
    add: async (record) => {
      const rows = evidenceOf(record, collecting)
      for (const row of rows) await evidence.write(row)
      const [first] = rows
      if (first === undefined || !rows.some(isWorthKeeping)) return
      const { train_file, row, doc_id } = first
      await records.write({ train_file, row, doc_id, record: record.record })
    },
    close: async () => {
      await evidence.close()
      await records.close()
    },
    abort: async () => {
      await evidence.abort()
      await records.abort()
    },
  }
}

/** Puts the units together, with the document frequency of each pair: evidence.parquet and records.parquet appear. */
export async function gatherUnits(
  folder: string,
  { parts: filesOf }: Pick<PassResult, 'parts'>,
  frequency: (entry: number, word: number) => number,
): Promise<void> {
  const evidence = join(folder, parts.evidence)
  await joined<typeof evidenceColumns>(filesOf(parts.evidence), evidence, evidenceColumns, (row) => {
    let most = 0
    for (const { item_word: start, words } of row.runs)
      for (let word = start; word + 7 <= start + words; word++)
        most = Math.max(most, frequency(row.entry, word))
    return { ...row, df_max: BigInt(most) }
  })
  const records = join(folder, parts.records)
  await joined<typeof keptRecordColumns>(filesOf(parts.records), records, keptRecordColumns, (row) => row)
}

async function joined<C extends Columns>(
  from: readonly string[],
  to: string,
  columns: C,
  each: (row: Row<C>) => Row<C>,
): Promise<void> {
  const writer = await createWholeParquet(to, columns)
  try {
    for (const path of from)
      for await (const row of readParquet(path)) await writer.write(each(row as Row<C>))
    await writer.close()
  } catch (error) {
    await writer.abort()
    throw error
  }
}

/** Under this no rule with thresholds in use calls a text more than clean; common 7-grams alone would keep half of a
 *  web corpus. */
const isWorthKeeping = (row: Omit<EvidenceRow, 'df_max'>): boolean =>
  row.same_text ||
  row.n13_hit > 0 ||
  row.ratio7 >= 0.1 ||
  row.longest_run_words > 10 ||
  row.coverage_item >= 0.2

function evidenceOf(record: ScannedRecord, collecting: Collecting): Omit<EvidenceRow, 'df_max'>[] {
  const value: unknown = JSON.parse(record.record)
  const docId = idOf(value)
  return record.fields.flatMap((field) => {
    const text = Buffer.from(field.text).toString('utf8')
    const parts = placedTexts(value, field.path, text)
    return parts.flatMap((part) => {
      const bytes = Buffer.from(part.text)
      const found = {
        sizeBytes: bytes.length,
        file: record.file,
        row: record.row,
        docId,
        path: field.path,
        place: part.place,
        partStart: part.byteStart,
        recordStart: record.recordStart,
        spanInRecord: (start: number, end: number) =>
          field.spanInRecord(part.byteStart + start, part.byteStart + end),
      }
      return pairsIn(part, bytes, parts.length, field, collecting).map((pair) => {
        const answers = collecting.answers.get(itemKey(pair.item)) ?? []
        const answerWithin = answers.length === 0 ? null : answerDistance(bytes, pair.runs, answers)
        return evidenceRow(found, pair, { allow: collecting.allow, answerWithin })
      })
    })
  })
}

/** A field in one part was scanned by the pass; parts are texts of their own and are scanned again. */
function pairsIn(
  part: PlacedText,
  bytes: Uint8Array,
  parts: number,
  field: ScannedField,
  { texts, scanner }: Collecting,
): LocatedPair[] {
  const matches = parts === 1 && part.byteStart === 0 ? field.matches : scanner.scan(bytes)
  return pairsOf(part.text, matches, texts)
}

function idOf(record: unknown): string | null {
  for (const key of ['id', 'doc_id', 'uid', 'uuid', 'question_id', 'task_id']) {
    const id = (record as Record<string, unknown> | null)?.[key]
    if (typeof id === 'string' || typeof id === 'number') return String(id)
  }
  return null
}
