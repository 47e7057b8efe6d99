import { type Random, rngFor } from '../../statistics/random.ts'
import { eachGroup, groupsOf, shareBand } from './components.ts'
import { foundProbability, type DuplicateOptions } from './options.ts'
import { jaccard } from './shingles.ts'
import { columns } from './sketch.ts'
import type { WordTable } from './word-table.ts'

/** Pairs of the corpus whose true Jaccard lies in a range, and how many of them the search found. */
interface CalibrationBin {
  /** low <= Jaccard < high; the last bin holds 1 too. */
  readonly low: number
  readonly high: number
  readonly pairs: number
  /** Pairs that share a band. */
  readonly found: number
  /** Pairs of which at most one document stays, or that went for the same one. */
  readonly merged: number
  /** Mean of 1 - (1 - s^rows)^bands over these pairs; NaN without pairs. */
  readonly expected: number
}

/** How well the search works on this corpus. */
export interface Calibration {
  readonly pairs: number
  readonly bins: readonly CalibrationBin[]
}

/** Two documents each. */
export type Pairs = readonly (readonly [number, number])[]

/** Pairs of the corpus to judge the search by. They are selected by a MinHash value that no band uses: of pairs with one
 *  Jaccard all are equally likely to be selected, whether the bands find them or not. Each document is in at most one pair, so
 *  that pairs are trials of their own. Of equal words one document takes part. */
export function samplePairs(table: WordTable, heads: Int32Array): Pairs {
  const firsts = table.firstOfKind(columns.selection, columns.selection + 1)
  const groups = groupsOf(heads, (head) => firsts[head] as number, table.rows)
  const random = rngFor('deduplicate', 'calibration')
  const pairs: [number, number][] = []
  for (const group of eachGroup(groups)) {
    const members = shuffled(group, random)
    for (let i = 0; i + 1 < members.length; i += 2)
      pairs.push([members[i] as number, members[i + 1] as number])
  }
  if (pairs.length <= mostPairs) return pairs
  const order = shuffled(
    Int32Array.from(pairs, (_, i) => i),
    random,
  )
  return Array.from(order.subarray(0, mostPairs).sort(), (i) => pairs[i] as [number, number])
}

/** Enough that a bin with one pair in a hundred has an interval of 0.07 at most. */
const mostPairs = 20_000

export interface CalibrationInput {
  readonly table: WordTable
  readonly pairs: Pairs
  readonly shingles: (document: number) => Uint32Array
  /** Whether the search's clusters hold both. */
  readonly together: (a: number, b: number) => boolean
}

/** Sorts the pairs into bins of true Jaccard and counts what the search found. */
export function calibrate(input: CalibrationInput, options: DuplicateOptions): Calibration {
  const sums = edges.slice(1).map(() => ({ pairs: 0, found: 0, merged: 0, expected: 0 }))
  for (const [a, b] of input.pairs) {
    const alike = jaccard(input.shingles(a), input.shingles(b))
    const bin = sums[edges.findLastIndex((low, i) => i < sums.length && low <= alike)]
    if (bin === undefined) continue
    bin.pairs++
    if (shareBand(input.table, a, b, options.bands)) bin.found++
    if (input.together(a, b)) bin.merged++
    bin.expected += foundProbability(alike, options)
  }
  const bins = sums.map(({ expected, ...counts }, i) => ({
    low: edges[i] as number,
    high: edges[i + 1] as number,
    ...counts,
    expected: expected / counts.pairs,
  }))
  return { pairs: input.pairs.length, bins }
}

/** Tenths where nothing is found, twentieths where the curve is steep. */
const edges = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1]

/** Fisher and Yates. */
function shuffled(numbers: Int32Array, random: Random): Int32Array {
  const order = numbers.slice()
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const [a, b] = [order[i] as number, order[j] as number]
    order[i] = b
    order[j] = a
  }
  return order
}
