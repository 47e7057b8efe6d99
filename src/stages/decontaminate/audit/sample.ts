import { FulcrumError } from '../../../errors.ts'
import { isWanted, parseSelection, type Step, stepPath } from '../../../corpus/selection.ts'
import { rngFor } from '../../../statistics/random.ts'
import { readRecords, type SourceRecord } from '../../../store/records.ts'

/** A text of a record, with its path. */
export interface TextOfRecord {
  readonly path: string
  readonly text: string
}

/** The wanted texts of a record that is an object already. */
export function* textsOf(
  record: unknown,
  selection: ReturnType<typeof parseSelection>,
  path = '',
  steps: readonly Step[] = [],
): Generator<TextOfRecord> {
  if (typeof record === 'string') {
    if (isWanted(selection, steps)) yield { path, text: record }
  } else if (Array.isArray(record)) {
    for (const [i, item] of record.entries())
      yield* textsOf(item, selection, stepPath(path, null, i), [...steps, null])
  } else if (typeof record === 'object' && record !== null) {
    for (const [key, value] of Object.entries(record))
      yield* textsOf(value, selection, stepPath(path, key), [...steps, key])
  }
}

/** Records of a file up to where it breaks off: the scan has said so already. */
export async function* readableRecords(file: string): AsyncGenerator<SourceRecord> {
  try {
    yield* readRecords(file)
  } catch (error) {
    if (!(error instanceof FulcrumError && error.code === 'data')) throw error
  }
}

/** Refuses what only the scan can read, before it begins. */
export function refuseUnsampled(files: readonly string[], what: string): void {
  const packed = files.filter((file) => file.endsWith('.zst'))
  if (packed.length === 0) return
  throw new FulcrumError(
    'config',
    `${what} cannot read ${packed.join(', ')}: only the scan reads .zst`,
    `Leave ${what} out, or unpack the file.`,
  )
}

export interface SampleInput {
  readonly files: readonly string[]
  readonly fields: readonly string[]
  readonly seed: number
  readonly most: number
  readonly signal: AbortSignal
}

/** Records of each file that a sample is drawn from: a self-test should not read terabytes. */
const recordsOfFile = 20_000
/** A host must have room for a plant. */
const leastCharacters = 80

/** A seeded uniform sample (reservoir, Vitter 1985, algorithm R) of texts of some length from the corpus. */
export async function sampleTexts({ files, fields, seed, most, signal }: SampleInput): Promise<string[]> {
  const selection = parseSelection(fields.length === 0 ? 'all' : fields)
  const random = rngFor(seed, 'self-test', 'hosts')
  const sample: string[] = []
  let seen = 0
  for (const file of files) {
    let records = 0
    for await (const { value } of readableRecords(file)) {
      signal.throwIfAborted()
      for (const { text } of textsOf(value, selection)) {
        if (text.length < leastCharacters) continue
        const at = seen < most ? seen : random.below(seen + 1)
        if (at < most) sample[at] = text.slice(0, 20_000)
        seen++
      }
      if (++records >= recordsOfFile) break
    }
  }
  return sample
}
