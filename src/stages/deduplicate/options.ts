import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'

/** What decides which rows are duplicates and which of them stays. The flags of `fulcrum dedupe` are these. */
export const duplicateOptions = z.object({
  kind: z
    .enum(['exact', 'normalised', 'near'])
    .default('near')
    .describe('how alike duplicates are at least: same bytes, same words, or alike in their runs of words'),
  keep: z
    .enum(['longest', 'pass-rate', 'first'])
    .default('longest')
    .describe('which row of a cluster stays; of equals the first'),
  // FineWeb (arXiv 2406.17557, appendix E.1): 5-word shingles, 14 bands of 8 rows.
  shingle: z.int().min(1).max(64).default(5).describe('words a shingle'),
  bands: z.int().min(1).max(256).default(14).describe('bands of the MinHash search'),
  rows: z.int().min(1).max(64).default(8).describe('MinHash values a band'),
  threshold: z
    .number()
    .min(0)
    .max(1)
    .default(0.7)
    .describe(
      'a row goes only if it shares at least this much (Jaccard of shingles) with the one that stays; 0: whatever bands link',
    ),
})

export type DuplicateOptions = z.output<typeof duplicateOptions>

/** The options with their defaults; a mistake is said with its value. */
export function checkedOptions(given: z.input<typeof duplicateOptions>): DuplicateOptions {
  const parsed = duplicateOptions.safeParse(given)
  if (parsed.success) return parsed.data
  const mistakes = parsed.error.issues.map(({ path, message }) => {
    const value = (given as Record<string, unknown>)[String(path[0])]
    return `${path.join('.')} ${JSON.stringify(value)}: ${message}`
  })
  throw new FulcrumError('config', `deduplicate: ${mistakes.join('; ')}`, 'Mend the options.')
}

/** Probability that LSH finds a pair of Jaccard s: 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and Ullman, Mining of
 *  Massive Datasets, section 3.4.2). */
export const foundProbability = (
  s: number,
  { bands, rows }: Pick<DuplicateOptions, 'bands' | 'rows'>,
): number => 1 - (1 - s ** rows) ** bands
