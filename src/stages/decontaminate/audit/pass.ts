import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { CorpusHit, CorpusTotals, FieldHit, FileTotals } from '../../../corpus/events.ts'
import { resumablePass, type ResumeOptions, type UnitEvents } from '../../../corpus/resume.ts'
import type { FieldSelection } from '../../../corpus/selection.ts'
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
  /** Where units of the pass are committed, so that one that is cut off goes on. */
  readonly folder: string
  readonly files: readonly string[]
  /** Paths of the fields to read; none: every text. */
  readonly fields: readonly string[]
  readonly index: TextIndex
  /** Besides index, files and fields, what decides the evidence. */
  readonly identity: Readonly<Record<string, string>>
  readonly workers: number
  readonly signal: AbortSignal
  /** Told of bytes on disk that are scanned, out of all. */
  readonly watch: (bytes: number, of: number) => void
}

export interface PassResult {
  readonly corpus: Scan['corpus']
  /** Rows that hold each 7-gram of the index, by gram id. */
  readonly documentFrequency: Uint32Array
  /** Files that the units wrote, by name, in order. */
  readonly parts: (name: string) => string[]
}

/** Takes what one unit of a pass finds. */
export interface UnitSink {
  add(record: ScannedRecord): Promise<void>
  close(): Promise<void>
  abort(): Promise<void>
}

/** One pass over the corpus, unit by unit; a unit's sink is told of every record with something found, in order of file
 *  and row. */
export async function passOver(
  { folder, files, fields, index, identity, workers, signal, watch }: PassInput,
  openSink: (part: (name: string) => string) => Promise<UnitSink>,
): Promise<PassResult> {
  const corpus = files.map((path) => ({ path }))
  const selection: FieldSelection = fields.length === 0 ? 'all' : fields
  const progress = progressOver(files, signal, watch)
  const options = { index, workers, fields: selection, ...progress }
  const { units, totals } = await resumablePass(folder, corpus, identity, options, async (events, part) => {
    const sink = await openSink(part)
    try {
      await drain(events, files, sink, signal)
      await sink.close()
    } catch (error) {
      await sink.abort()
      throw error
    }
    return null
  })
  return {
    corpus: corpusFigures(totals),
    documentFrequency: totals.documentFrequency,
    parts: (name) =>
      units.flatMap(({ parts }) => (parts[name] === undefined ? [] : join(folder, parts[name].path))),
  }
}

/** Makes of the progress of each unit that of the whole; also where a pass without any find can be interrupted. */
function progressOver(
  files: readonly string[],
  signal: AbortSignal,
  watch: PassInput['watch'],
): Pick<ResumeOptions, 'progress' | 'resumed'> {
  const all = files.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
  let before = 0
  return {
    resumed: (units, ofAll) => (before = (all * units) / ofAll),
    progress: (bytes, ofUnit) => {
      signal.throwIfAborted()
      watch(Math.min(all, before + bytes), all)
      if (bytes >= ofUnit) before += ofUnit
    },
  }
}

async function drain(
  events: UnitEvents,
  files: readonly string[],
  sink: UnitSink,
  signal: AbortSignal,
): Promise<void> {
  const parquet = parquetRecords()
  try {
    for await (const event of events) {
      signal.throwIfAborted()
      if (event.kind !== 'hit') continue
      const file = files[event.file] as string
      const record =
        event.record === null
          ? await parquet.at(file, event.row)
          : Buffer.from(event.record)
              .toString('utf8')
              .replace(/^\uFEFF/, '')
      const scanned = event.fields.map((field) => scannedField(event, field))
      await sink.add({ file, row: event.row, recordStart: event.recordStart, record, fields: scanned })
    }
  } finally {
    await parquet.close()
  }
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
