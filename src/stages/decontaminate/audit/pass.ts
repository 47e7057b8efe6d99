import type { CorpusHit, CorpusTotals, FieldHit, FileTotals } from '../../../corpus/events.ts'
import { scanCorpus } from '../../../corpus/scan.ts'
import type { Scan } from '../../../store/audit-summary.ts'
import type { TextIndex } from '../../../text/scan.ts'
import { parquetRecords } from './parquet-records.ts'
import { spanMapper } from './record-span.ts'

/** A text that shares something with the index, with its place in the record. */
export interface ScannedField extends Pick<FieldHit, 'path' | 'text' | 'matches'> {
  readonly spanInRecord: (start: number, end: number) => readonly [number, number]
}

/** A record with such texts. */
export interface ScannedRecord {
  readonly file: string
  readonly row: number
  readonly recordStart: number
  /** JSON: the line as it stands, or the Parquet row. */
  readonly record: string
  readonly fields: readonly ScannedField[]
}

export interface PassInput {
  readonly files: readonly string[]
  /** Paths of the fields to read; none: every text. */
  readonly fields: readonly string[]
  readonly index: TextIndex
  readonly workers: number
  readonly signal: AbortSignal
  /** Told of bytes on disk that are scanned, out of all. */
  readonly watch: (bytes: number, of: number) => void
}

export interface PassResult {
  readonly corpus: Scan['corpus']
  /** Rows that hold each 7-gram of the index, by gram id. */
  readonly documentFrequency: Uint32Array
}

/** One pass over the corpus; `each` is told of every record with something found, in order of file and row. */
export async function passOver(
  { files, fields, index, workers, signal, watch }: PassInput,
  each: (record: ScannedRecord) => Promise<void>,
): Promise<PassResult> {
  const parquet = parquetRecords()
  let totals: CorpusTotals | null = null
  try {
    const corpus = files.map((path) => ({ path }))
    const selection = fields.length === 0 ? 'all' : fields
    for await (const event of scanCorpus(corpus, { index, workers, fields: selection, progress: watch })) {
      signal.throwIfAborted()
      if (event.kind === 'totals') totals = event
      if (event.kind !== 'hit') continue
      const file = files[event.file] as string
      const record =
        event.record === null
          ? await parquet.at(file, event.row)
          : Buffer.from(event.record)
              .toString('utf8')
              .replace(/^\uFEFF/, '')
      const scanned = event.fields.map((field) => scannedField(event, field))
      await each({ file, row: event.row, recordStart: event.recordStart, record, fields: scanned })
    }
  } finally {
    await parquet.close()
  }
  if (totals === null) throw new Error('the pass ended without totals')
  return { corpus: corpusFigures(totals), documentFrequency: totals.documentFrequency }
}

function scannedField(
  { record }: CorpusHit,
  { path, text, matches, byteStart, byteEnd }: FieldHit,
): ScannedField {
  if (record === null) return { path, text, matches, spanInRecord: (start, end) => [start, end] }
  const inRaw = spanMapper(record.subarray(byteStart, byteEnd))
  return {
    ...{ path, text, matches },
    spanInRecord: (start, end) => [byteStart + inRaw(start), byteStart + inRaw(end)],
  }
}

function corpusFigures({ files, counts }: CorpusTotals): Scan['corpus'] {
  return {
    files: files.map((file) => ({
      file: file.path,
      rows: readRows(file),
      bytes: file.bytes,
      skipped: skippedOf(file),
      damage: file.damage,
    })),
    rows: files.reduce((sum, file) => sum + readRows(file), 0),
    bytes: counts.bytes,
    words: counts.words,
    rows_without_text: counts.withoutText,
    fields: Object.entries(counts.fields)
      .map(([path, { strings }]) => ({ path, texts: strings }))
      .sort((a, b) => (a.path < b.path ? -1 : 1)),
  }
}

/** What cannot be read is no row of a rate. */
const readRows = ({ rows, unreadable }: FileTotals): number =>
  rows - Object.values(unreadable).reduce((sum, count) => sum + count, 0)

const skippedOf = ({ unreadable }: FileTotals): Scan['corpus']['files'][number]['skipped'] =>
  Object.entries(unreadable)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => ({ reason, rows: count }))
