import { createHash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import { createOnce, sha256OfFile, writeWhole } from '../store/files.ts'
import { addCounts, type CorpusEvent, type CorpusTotals, type FileTotals, noCounts } from './events.ts'
import { type CorpusFile, type CorpusSlice, sliceFiles, unitsOf } from './plan.ts'
import { type CorpusScanner, openCorpusScanner, type PassOptions } from './scan.ts'

/** What a unit of a pass finds: everything but its totals. */
export type UnitEvents = AsyncIterable<Exclude<CorpusEvent, CorpusTotals>>

/** Writes what a unit finds. `part(name)` is the path of a file of this unit; it is committed when the promise ends, so
 *  it must be on disk by then. What it gives back must be JSON and is kept in the unit's record. */
export type WriteUnit<Summary> = (events: UnitEvents, part: (name: string) => string) => Promise<Summary>

interface CommittedUnit<Summary> {
  readonly unit: number
  readonly files: readonly (FileTotals & { readonly file: number })[]
  /** Part files by name. */
  readonly parts: Readonly<
    Record<string, { readonly path: string; readonly bytes: number; readonly sha256: string }>
  >
  readonly summary: Summary
}

export interface FinishedPass<Summary> {
  readonly units: readonly CommittedUnit<Summary>[]
  readonly totals: CorpusTotals
}

export interface ResumeOptions extends PassOptions {
  /** Bytes on disk after which a unit is committed; a packed file is never parted. 1 GiB. */
  readonly unitBytes?: number
  /** Told of units that an earlier run has committed, out of all. */
  readonly resumed?: (units: number, all: number) => void
}

/** A pass in units, each committed when it is done: the same call on the same folder goes on behind the last committed
 *  unit and ends with the bytes of an undisturbed pass; one process at a time. `identity` is whatever of the caller's decides the output; a folder
 *  of another one is refused. */
export async function resumablePass<Summary>(
  folder: string,
  files: readonly CorpusFile[],
  identity: Readonly<Record<string, string | number | boolean | null>>,
  options: ResumeOptions,
  writeUnit: WriteUnit<Summary>,
): Promise<FinishedPass<Summary>> {
  const slices = await sliceFiles(files)
  const unitBytes = options.unitBytes ?? 2 ** 30
  const units = slices.length === 0 ? [] : unitsOf(slices, unitBytes)
  await mkdir(folder, { recursive: true })
  await dropPartials(folder)
  await claimFolder(folder, { ...identity, ...passIdentity(slices, options), unitBytes })
  const committed: CommittedUnit<Summary>[] = []
  const lines = new Map<number, number>()
  let scanner: CorpusScanner | undefined
  try {
    for (const [unit, unitSlices] of units.entries()) {
      let record = await readRecord<Summary>(folder, unit)
      if (record === null) {
        if (scanner === undefined) options.resumed?.(committed.length, units.length)
        scanner ??= openCorpusScanner(options)
        record = await runUnit(folder, unit, scanner.pass(unitSlices, lines), unitSlices, writeUnit)
      }
      for (const { file, lines: more } of record.files) lines.set(file, (lines.get(file) ?? 0) + more)
      committed.push(record)
    }
  } finally {
    await scanner?.close()
  }
  return { units: committed, totals: await sumTotals(folder, committed) }
}

const recordPath = (folder: string, unit: number): string => join(folder, `${unitName(unit)}.json`)
const unitName = (unit: number): string => `unit-${String(unit).padStart(5, '0')}`
const frequencies = 'frequencies.bin'

async function runUnit<Summary>(
  folder: string,
  unit: number,
  events: AsyncGenerator<CorpusEvent>,
  slices: readonly CorpusSlice[],
  writeUnit: WriteUnit<Summary>,
): Promise<CommittedUnit<Summary>> {
  const paths = new Map<string, string>()
  const part = (name: string): string => {
    const path = join(folder, `${unitName(unit)}-${name}`)
    paths.set(name, path)
    return path
  }
  let totals: CorpusTotals | undefined
  const summary = await writeUnit(
    withoutTotals(events, (found) => (totals = found)),
    part,
  )
  if (totals === undefined) throw new Error('a unit was not read to its end')
  await writeWhole(part(frequencies), sparse(totals.documentFrequency))
  const parts: [string, CommittedUnit<Summary>['parts'][string]][] = []
  for (const [name, path] of [...paths].sort(([a], [b]) => (a < b ? -1 : 1)))
    parts.push([
      name,
      { path: `${unitName(unit)}-${name}`, bytes: (await stat(path)).size, sha256: await sha256OfFile(path) },
    ])
  const order = [...new Set(slices.map(({ file }) => file))]
  const record: CommittedUnit<Summary> = {
    unit,
    files: totals.files.map((of, i) => ({ file: order[i] as number, ...of })),
    parts: Object.fromEntries(parts),
    summary,
  }
  await createOnce(recordPath(folder, unit), `${JSON.stringify(record)}\n`)
  return record
}

async function* withoutTotals(
  events: AsyncGenerator<CorpusEvent>,
  end: (totals: CorpusTotals) => void,
): AsyncGenerator<Exclude<CorpusEvent, CorpusTotals>> {
  for await (const event of events)
    if (event.kind === 'totals') end(event)
    else yield event
}

async function readRecord<Summary>(folder: string, unit: number): Promise<CommittedUnit<Summary> | null> {
  const text = await readFile(recordPath(folder, unit), 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  const record = JSON.parse(text) as CommittedUnit<Summary>
  for (const { path, bytes } of Object.values(record.parts)) {
    const found = await stat(join(folder, path)).catch(() => null)
    if (found?.size === bytes) continue
    throw new FulcrumError(
      'store',
      `${join(folder, path)} has ${found?.size ?? 'no'} bytes, its commit record says ${bytes}`,
      'Something else changed the folder: remove it and run again.',
    )
  }
  return record
}

/** What of a pass decides its results: not the number of workers. */
function passIdentity(
  slices: readonly CorpusSlice[],
  options: PassOptions,
): Record<string, string | number | null> {
  const { index, fields, scan, signatures, mostLineBytes, mostUnpackedBytes, mostUnpackedRatio } = options
  return {
    index: index.sha256,
    fields: JSON.stringify(fields ?? 'all'),
    scan: JSON.stringify(scan ?? {}),
    signatures: JSON.stringify(signatures ?? null),
    limits: JSON.stringify([mostLineBytes, mostUnpackedBytes, mostUnpackedRatio]),
    ...Object.fromEntries(
      slices.map(({ path, bytes }) => [`file ${path}`, `${bytes} bytes, ${endsOf(path, bytes)}`]),
    ),
  }
}

/** sha256 of a file's first and last 64 kB: tells another file without reading all of this one. */
function endsOf(path: string, bytes: number): string {
  const file = openSync(path, 'r')
  const hash = createHash('sha256')
  for (const from of [0, Math.max(0, bytes - endBytes)]) {
    const buffer = Buffer.alloc(endBytes)
    hash.update(buffer.subarray(0, readSync(file, buffer, 0, endBytes, from)))
  }
  closeSync(file)
  return hash.digest('hex').slice(0, 16)
}
const endBytes = 65536

/** What a killed process was about to commit. One process at a time works in a folder. */
async function dropPartials(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (name.endsWith('.partial')) await rm(join(folder, name))
}

async function claimFolder(
  folder: string,
  identity: Readonly<Record<string, string | number | boolean | null>>,
): Promise<void> {
  const path = join(folder, 'pass.json')
  if (await createOnce(path, `${JSON.stringify(identity, null, 2)}\n`)) return
  const there = JSON.parse(await readFile(path, 'utf8')) as typeof identity
  const names = [...new Set([...Object.keys(there), ...Object.keys(identity)])]
  const differences = names.flatMap((name) => {
    const [old, now] = [there[name], identity[name]].map((value) =>
      value === undefined ? 'absent' : String(value),
    )
    return old === now ? [] : [`${name} was ${old ?? ''}, is now ${now ?? ''}`]
  })
  if (differences.length === 0) return
  throw new FulcrumError(
    'plan',
    `${folder} holds another pass: ${differences.join('; ')}`,
    'Choose another --out, or remove the folder to begin anew.',
  )
}

/** u32 pairs of gram id and documents, for the grams that were seen. */
function sparse(frequency: Uint32Array): Uint8Array {
  let seen = 0
  for (const documents of frequency) if (documents > 0) seen++
  const pairs = new DataView(new ArrayBuffer(4 + 8 * seen))
  pairs.setUint32(0, frequency.length, true)
  let at = 4
  frequency.forEach((documents, gram) => {
    if (documents === 0) return
    pairs.setUint32(at, gram, true)
    pairs.setUint32(at + 4, documents, true)
    at += 8
  })
  return new Uint8Array(pairs.buffer)
}

async function sumTotals(folder: string, units: readonly CommittedUnit<unknown>[]): Promise<CorpusTotals> {
  const files = new Map<number, FileTotals>()
  const counts = noCounts()
  let documentFrequency = new Uint32Array(0)
  for (const { files: found, parts } of units) {
    for (const { file, ...totals } of found) {
      const sum = files.get(file) ?? { path: totals.path, damage: null, ...noCounts() }
      addCounts(sum, totals)
      addCounts(counts, totals)
      files.set(file, { ...sum, damage: sum.damage ?? totals.damage })
    }
    const bytes = await readFile(join(folder, (parts[frequencies] as { path: string }).path))
    if (documentFrequency.length === 0) documentFrequency = new Uint32Array(bytes.readUInt32LE(0))
    for (let at = 4; at < bytes.length; at += 8) {
      const gram = bytes.readUInt32LE(at)
      documentFrequency[gram] = (documentFrequency[gram] as number) + bytes.readUInt32LE(at + 4)
    }
  }
  return { kind: 'totals', files: [...files.values()], counts, documentFrequency }
}
