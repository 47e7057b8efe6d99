import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'

const count = z.int().nonnegative()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const share = z.number().min(0).max(1)
const kind = z.enum(['exact', 'normalised', 'near'])

const calibrationBin = z.strictObject({
  /** low <= Jaccard < high; the last bin holds 1 too. */
  low: share,
  high: share,
  pairs: count,
  /** Pairs that share a band. */
  found: count,
  /** Pairs that ended in one cluster. */
  merged: count,
  /** Mean of the theoretical curve over these pairs; null without pairs. */
  expected: share.nullable(),
})

const shownRow = z.strictObject({
  row: z.string(),
  stays: z.boolean(),
  kind: kind.nullable(),
  jaccard: share,
  /** Its beginning. */
  text: z.string(),
})

/** dedupe.json: what `fulcrum dedupe` found, in numbers, and the largest clusters. */
const dedupeSummarySchema = z.strictObject({
  format: z.literal('fulcrum-dedupe/1'),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
  inputs: z.array(
    z.strictObject({ file: z.string(), sha256, rows: count, documents: count, removed: count }),
  ),
  rows: count,
  /** Rows with a text to compare. */
  documents: count,
  /** Rows that stay because there is nothing to compare, by reason. */
  not_compared: z.record(z.string(), count),
  /** Documents with fewer words than a shingle: compared by bytes and words alone. */
  too_short: count,
  removed: z.strictObject({ exact: count, normalised: count, near: count }),
  /** Of two and more documents. */
  clusters: count,
  documents_in_clusters: count,
  /** Clusters by size: of 2, of 3 to 4, of 5 to 8 and so on. */
  sizes: z.array(z.strictObject({ from: count, to: count, clusters: count })),
  /** Documents of different words that bands linked with another. */
  linked: count,
  /** Entries that the bounded lists of comparisons left out; each may have cost a duplicate that stays. */
  left_out: count,
  calibration: z.strictObject({ pairs: count, bins: z.array(calibrationBin) }).nullable(),
  largest: z.array(z.strictObject({ cluster: z.string(), size: count, rows: z.array(shownRow) })),
})

export type DedupeSummary = z.infer<typeof dedupeSummarySchema>

/** Reads and checks a dedupe.json. */
export async function readDedupeSummary(path: string): Promise<DedupeSummary> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FulcrumError(
      'store',
      `There is no file ${path}`,
      'Give the folder of a finished dedupe.',
      cause,
    )
  })
  try {
    return dedupeSummarySchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new FulcrumError(
      'store',
      `${path} is no dedupe.json: ${cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)}`,
      'Delete the folder and run fulcrum dedupe again.',
      cause,
    )
  }
}
