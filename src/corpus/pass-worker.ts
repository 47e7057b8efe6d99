import { parentPort, workerData } from 'node:worker_threads'
import { FulcrumError } from '../errors.ts'
import { fineWebShape, type SignatureShape } from '../text/minhash.ts'
import { createSigningScanner, type ScanOptions, type TextIndex } from '../text/scan.ts'
import { DamagedFile, openPlain, openUnpacked, readyUnpacking, type UnpackLimits } from './bytes.ts'
import { createJsonRows } from './json-rows.ts'
import { readFrom, readLines } from './lines.ts'
import { openParquetRows, type ParquetRows } from './parquet-rows.ts'
import { type CorpusSlice, partsOf, rangeBytes } from './plan.ts'
import { type Batch, createRowScanner } from './row-scanner.ts'
import { type FieldSelection, parseSelection } from './selection.ts'

/** What a worker is started with. */
export interface WorkerSetup {
  readonly worker: number
  readonly index: TextIndex
  readonly fields: FieldSelection
  readonly scan: ScanOptions
  readonly shape: SignatureShape | null
  readonly mostLineBytes: number
  readonly limits: UnpackLimits
}

/** A pass to take part in. */
export interface PassTask {
  readonly slices: readonly CorpusSlice[]
  /** Int32: [0] the next part to claim, [1 + worker] kilobytes of its batches that are consumed. */
  readonly control: SharedArrayBuffer
}

export type WorkerMessage =
  | {
      readonly kind: 'batch'
      readonly worker: number
      readonly part: number
      readonly batch: Batch
      /** The part ends with this batch. */
      readonly last: boolean
      readonly kilobytes: number
      /** What broke the file off. */
      readonly damage: string | null
    }
  | { readonly kind: 'finished'; readonly documentFrequency: Uint32Array }
  | { readonly kind: 'failed'; readonly error: { code: FulcrumError['code']; message: string; hint: string } }

/** Kilobytes of batches on their way from one worker: it waits when its results are not consumed. */
const mostKilobytes = 32 * 1024
/** Bytes of results, and of texts without any, after which a batch goes off. */
const [batchBytes, batchText] = [2 ** 18, 2 ** 26]

const setup = workerData as WorkerSetup
const scanner = await createSigningScanner(setup.index, setup.shape ?? fineWebShape, setup.scan)
const selection = parseSelection(setup.fields)
await readyUnpacking()
const rows = createRowScanner(scanner, setup.shape)
const post = (message: WorkerMessage): void => parentPort?.postMessage(message)

let task: PassTask | undefined
let [part, file, sentKilobytes] = [0, 0, 0]
const json = createJsonRows(rows, selection, setup.mostLineBytes, () => {
  if (rows.weight() >= batchBytes || rows.counts().bytes >= batchText) send(false, null)
})
let open: { path: string; rows: ParquetRows } | undefined

parentPort?.on('message', (next: PassTask) => {
  void takePart(next).then(
    () => {
      // The frequencies of the next pass begin at nought.
      post({ kind: 'finished', documentFrequency: scanner.documentFrequency.slice() })
      scanner.documentFrequency.fill(0)
    },
    (error: unknown) => post({ kind: 'failed', error: describe(error) }),
  )
})

async function takePart(next: PassTask): Promise<void> {
  task = next
  sentKilobytes = 0
  const control = new Int32Array(next.control)
  const firstParts: number[] = []
  let parts = 0
  for (const slice of next.slices) {
    firstParts.push(parts)
    parts += partsOf(slice)
  }
  for (;;) {
    part = Atomics.add(control, 0, 1)
    if (part >= parts) break
    let at = firstParts.length - 1
    while ((firstParts[at] as number) > part) at--
    const slice = next.slices[at] as CorpusSlice
    file = slice.file
    send(true, await readPart(slice, part - (firstParts[at] as number)))
  }
  await closeParquet()
}

/** Reads one part; gives what broke it off. */
async function readPart(slice: CorpusSlice, number: number): Promise<string | null> {
  try {
    if (slice.kind === 'parquet') await readGroup(slice, slice.start + number)
    else readJson(slice, number)
    return null
  } catch (error) {
    if (error instanceof DamagedFile) return error.message
    if (slice.kind === 'parquet' && error instanceof Error && !(error instanceof FulcrumError))
      return `${slice.path}: row group ${slice.start + number} cannot be read: ${error.message}`
    throw error
  }
}

function readJson({ path, kind, start, end }: CorpusSlice, number: number): void {
  const from = start + number * rangeBytes
  const range =
    kind === 'packed' ? { start: 0, end: Infinity } : { start: from, end: Math.min(end, from + rangeBytes) }
  const source = kind === 'packed' ? openUnpacked(path, setup.limits) : openPlain(path, readFrom(range))
  try {
    json.begin(file, range.start === 0)
    readLines(source, range, json.buffer, setup.mostLineBytes, json)
  } finally {
    source.close()
  }
}

async function readGroup({ path }: CorpusSlice, group: number): Promise<void> {
  if (open?.path !== path) {
    await closeParquet()
    open = { path, rows: await openParquetRows(path, file, rows, selection) }
  }
  await open.rows.scanGroup(group)
}

async function closeParquet(): Promise<void> {
  await open?.rows.close()
  open = undefined
}

/** Posts what is gathered, then waits while too much of it lies unread. */
function send(last: boolean, damage: string | null): void {
  const kilobytes = 1 + Math.ceil(rows.weight() / 1024)
  post({ kind: 'batch', worker: setup.worker, part, batch: rows.take(file), last, kilobytes, damage })
  sentKilobytes += kilobytes
  const control = new Int32Array((task as PassTask).control)
  for (;;) {
    const consumed = Atomics.load(control, 1 + setup.worker)
    if (sentKilobytes - consumed <= mostKilobytes) return
    Atomics.wait(control, 1 + setup.worker, consumed)
  }
}

function describe(error: unknown): { code: FulcrumError['code']; message: string; hint: string } {
  if (error instanceof FulcrumError) return { code: error.code, message: error.message, hint: error.hint }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { code: 'data', message, hint: 'Report this.' }
}
