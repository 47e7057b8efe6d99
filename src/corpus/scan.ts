import { availableParallelism } from 'node:os'
import { FulcrumError } from '../errors.ts'
import type { SignatureShape } from '../text/minhash.ts'
import type { ScanOptions, TextIndex } from '../text/scan.ts'
import {
  addCounts,
  type CorpusEvent,
  type CorpusTotals,
  type FileTotals,
  noCounts,
  type UnreadableRow,
} from './events.ts'
import { type CorpusFile, type CorpusSlice, partsOf, sliceFiles } from './plan.ts'
import { type FieldSelection, parseSelection } from './selection.ts'
import { startWorkers, type Workers } from './workers.ts'

export interface PassOptions {
  readonly index: TextIndex
  /** Threads; by default one a core. */
  readonly workers?: number
  /** Every text by default. */
  readonly fields?: FieldSelection
  readonly scan?: ScanOptions
  /** Also sign every row with text by MinHash of this shape. */
  readonly signatures?: SignatureShape
  /** Longer lines are counted as unreadable. 128 MiB. */
  readonly mostLineBytes?: number
  /** A packed file may unpack to so many bytes (1 TiB) and so many times its size (500, past 64 MiB); it breaks off
   *  there. */
  readonly mostUnpackedBytes?: number
  readonly mostUnpackedRatio?: number
  /** More unreadable rows end the pass. 10,000. */
  readonly mostUnreadable?: number
  /** Told of bytes on disk that are scanned, out of all. */
  readonly progress?: (bytes: number, allBytes: number) => void
}

/** Worker threads with the index loaded, for one pass after another. */
export interface CorpusScanner {
  /** What a pass over slices finds, in order of slice and row whatever the workers do; ends with the totals. `linesBefore`
   *  are lines of a file that lie before its first slice here. */
  readonly pass: (
    slices: readonly CorpusSlice[],
    linesBefore?: ReadonlyMap<number, number>,
  ) => AsyncGenerator<CorpusEvent>
  readonly close: () => Promise<void>
}

/** One pass over a corpus: hits and unreadable rows in order of file and row, then the totals. */
export async function* scanCorpus(
  files: readonly CorpusFile[],
  options: PassOptions,
): AsyncGenerator<CorpusEvent> {
  const slices = await sliceFiles(files)
  const scanner = openCorpusScanner(options)
  try {
    yield* scanner.pass(slices)
  } finally {
    await scanner.close()
  }
}

export function openCorpusScanner(options: PassOptions): CorpusScanner {
  const count = options.workers ?? availableParallelism()
  if (!Number.isInteger(count) || count < 1)
    throw new FulcrumError('config', `${count} workers cannot scan a corpus`, 'Give a whole number from 1.')
  parseSelection(options.fields ?? 'all')
  const workers = startWorkers(count, (worker) => ({
    worker,
    index: options.index,
    fields: options.fields ?? 'all',
    scan: options.scan ?? {},
    shape: options.signatures ?? null,
    mostLineBytes: options.mostLineBytes ?? 128 * 2 ** 20,
    limits: {
      mostUnpackedBytes: options.mostUnpackedBytes ?? 2 ** 40,
      mostUnpackedRatio: options.mostUnpackedRatio ?? 500,
    },
  }))
  return {
    pass: (slices, linesBefore) => pass(slices, linesBefore ?? new Map(), workers, options),
    close: workers.close,
  }
}

async function* pass(
  slices: readonly CorpusSlice[],
  linesBefore: ReadonlyMap<number, number>,
  workers: Workers,
  options: PassOptions,
): AsyncGenerator<CorpusEvent> {
  const run = workers.run(slices)
  const files = new Map<number, FileTotals>()
  const counts = noCounts()
  const bear = unreadableLimit(options.mostUnreadable ?? 10_000, slices)
  const allBytes = slices.reduce((sum, { bytes }) => sum + bytes, 0)
  let [part, bytes] = [0, 0]
  for (const slice of slices) {
    const totals = files.get(slice.file) ?? { path: slice.path, damage: null, ...noCounts() }
    files.set(slice.file, totals)
    const parts = partsOf(slice)
    for (let number = 0; number < parts; number++, part++) {
      const before = (linesBefore.get(slice.file) ?? 0) + totals.lines
      for (let last = false; !last;) {
        const message = await run.next(part)
        last = message.last
        const { events, signed } = message.batch
        for (const event of events) {
          const placed = { ...event, row: event.row + before }
          if (placed.kind === 'unreadable-row') bear(placed)
          yield placed
        }
        if (signed !== null) yield { ...signed, rows: signed.rows.map((row) => row + before) }
        addCounts(totals, message.batch.counts)
        addCounts(counts, message.batch.counts)
        if (message.damage !== null) {
          files.set(slice.file, Object.assign(totals, { damage: totals.damage ?? message.damage }))
          yield { kind: 'unreadable-file', file: slice.file, detail: message.damage }
        }
        run.consumed(message)
      }
      bytes += slice.bytes / parts
      options.progress?.(Math.round(bytes), allBytes)
    }
  }
  yield { kind: 'totals', files: [...files.values()], counts, documentFrequency: await run.finish() }
}

/** Throws at the first row that is one too many, and says what was wrong with the first. */
function unreadableLimit(most: number, slices: readonly CorpusSlice[]): (row: UnreadableRow) => void {
  let count = 0
  let first = ''
  return ({ file, row, detail }) => {
    const path = slices.find((slice) => slice.file === file)?.path ?? ''
    if (count++ === 0) first = `${path}:${row}: ${detail}`
    if (count <= most) return
    throw new FulcrumError(
      'data',
      `More than ${most} rows cannot be read; the first is ${first}`,
      'Mend the file, or allow more unreadable rows.',
    )
  }
}

/** The error that a pass ends with once all else is done, where a file broke off; null where none did. */
export function damageOf({ files }: CorpusTotals): FulcrumError | null {
  const damages = files.flatMap(({ damage }) => damage ?? [])
  if (damages.length === 0) return null
  return new FulcrumError(
    'data',
    damages.join('; '),
    'Fetch or write the file again; what lies before the place was read and is in the output.',
  )
}
