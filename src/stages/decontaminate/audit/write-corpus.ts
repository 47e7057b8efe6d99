import { basename, join, resolve } from 'node:path'
import { FulcrumError } from '../../../errors.ts'
import { type Copied, copyParquetRows, copyRows } from '../../../corpus/copy.ts'
import { keysOf } from '../places.ts'
import type { JudgedRow, JudgedText } from './judge-row.ts'
import type { EvidenceGroup } from './evidence-groups.ts'

/** How the corpus is written: without contaminated rows; these apart too; or with what they share blanked. */
export type WriteMode = 'clean' | 'quarantine' | 'redact'

/** A stretch of a record that is blanked; of the field's own bytes for Parquet. */
interface Blank {
  readonly path: string
  readonly start: number
  readonly end: number
}

/** Gathers what becomes of contaminated rows; all others stay byte for byte. */
export interface CorpusChanges {
  readonly add: (group: EvidenceGroup, judged: JudgedRow) => void
  readonly rows: ReadonlyMap<string, ReadonlyMap<number, readonly Blank[]>>
}

export interface WrittenFile extends Copied {
  /** Relative to the audit's folder. */
  readonly file: string
}

/** What stands where something was blanked: no sign of it needs an escape in JSON. */
const redacted = '[redacted]'

/** `blanks`: also what would be blanked in each row, which only redaction needs. */
export function createCorpusChanges(blanks: boolean): CorpusChanges {
  const rows = new Map<string, Map<number, readonly Blank[]>>()
  return {
    rows,
    add: ({ file, row }, { worst, texts }) => {
      if (worst.verdict.status !== 'contaminated') return
      const ofFile = rows.get(file) ?? new Map<number, readonly Blank[]>()
      rows.set(file, ofFile)
      ofFile.set(row, blanks ? texts.flatMap(blanksOf) : none)
    },
  }
}

const none: readonly Blank[] = []

/** Every run shared with an item that the text is contaminated by, neighbours and overlaps as one. */
function blanksOf({ path, verdict, judged }: JudgedText): Blank[] {
  if (verdict.status !== 'contaminated') return []
  const spans = judged
    .filter((one) => one.verdict.status === 'contaminated')
    .flatMap(({ pair }) => (pair.same ? [pair.span] : pair.runs.map(({ span }) => span)))
    .sort(([a], [b]) => a - b)
  const merged: { start: number; end: number }[] = []
  for (const [start, end] of spans) {
    const last = merged.at(-1)
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
    else merged.push({ start, end })
  }
  return merged.map((span) => ({ path, ...span }))
}

/** Writes the corpus anew under the audit's folder: corpus/, and quarantine/ where that is wanted. */
export async function writeCorpus(
  folder: string,
  files: readonly string[],
  { rows }: CorpusChanges,
  mode: WriteMode,
): Promise<WrittenFile[]> {
  const written: WrittenFile[] = []
  const sources = new Set(files.map((path) => resolve(path)))
  for (const [i, path] of files.entries()) {
    const changes = rows.get(path) ?? new Map<number, readonly Blank[]>()
    const base = basename(path)
    const name = files.some((other, k) => k !== i && basename(other) === base) ? `${i}-${base}` : base
    const copy = async (
      under: string,
      keepClean: boolean,
      hit: 'keep' | 'drop' | 'redact',
    ): Promise<void> => {
      const file = `${under}/${name}`
      if (sources.has(resolve(folder, file))) throw overItself(join(folder, file))
      written.push({ file, ...(await copyFile(path, join(folder, file), changes, keepClean, hit)) })
    }
    await copy('corpus', true, mode === 'redact' ? 'redact' : 'drop')
    if (mode === 'quarantine') await copy('quarantine', false, 'keep')
  }
  return written
}

const overItself = (path: string): FulcrumError =>
  new FulcrumError(
    'config',
    `Writing the corpus would replace ${path}, which is part of it`,
    'Choose another --out.',
  )

function copyFile(
  path: string,
  out: string,
  changes: ReadonlyMap<number, readonly Blank[]>,
  keepClean: boolean,
  hit: 'keep' | 'drop' | 'redact',
): Promise<Copied> {
  const fate = (row: number): 'keep' | 'drop' | readonly Blank[] => {
    const blanks = changes.get(row)
    if (blanks === undefined) return keepClean ? 'keep' : 'drop'
    return hit === 'redact' ? blanks : hit
  }
  if (path.endsWith('.parquet')) {
    return copyParquetRows(
      path,
      (row, values) => {
        const what = fate(row)
        return what === 'drop' ? null : what === 'keep' ? values : blankedValues(values, what)
      },
      out,
    )
  }
  return copyRows(
    path,
    (row, record) => {
      const what = fate(row)
      return typeof what === 'string' ? what : blankedBytes(record, what)
    },
    out,
  )
}

/** The bytes with each stretch replaced. */
function blankedBytes(record: Uint8Array, blanks: readonly Omit<Blank, 'path'>[]): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (const { start, end } of [...blanks].sort((a, b) => a.start - b.start)) {
    parts.push(record.subarray(from, start), Buffer.from(redacted))
    from = end
  }
  return Buffer.concat([...parts, record.subarray(from)])
}

/** Stored values with stretches of some texts replaced; everything else is the same. */
function blankedValues(
  values: Readonly<Record<string, unknown>>,
  blanks: readonly Blank[],
): Record<string, unknown> {
  const paths = [...new Set(blanks.map(({ path }) => path))]
  return paths.reduce<Record<string, unknown>>((row, path) => {
    const own = blanks.filter((blank) => blank.path === path)
    return changedAt(row, keysOf(path), (text) =>
      text instanceof Uint8Array
        ? blankedBytes(text, own)
        : typeof text === 'string'
          ? Buffer.from(blankedBytes(Buffer.from(text), own)).toString('utf8')
          : text,
    ) as Record<string, unknown>
  }, values)
}

function changedAt(value: unknown, keys: readonly string[], change: (value: unknown) => unknown): unknown {
  const [key, ...rest] = keys
  if (key === undefined) return change(value)
  if (Array.isArray(value))
    return value.map((item, i) => (String(i) === key ? changedAt(item, rest, change) : (item as unknown)))
  const struct = value as Readonly<Record<string, unknown>>
  return { ...struct, [key]: changedAt(struct[key], rest, change) }
}
