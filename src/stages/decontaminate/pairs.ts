import type { MatchRun, TextMatches } from '../../text/scan.ts'
import { words } from '../../text/words.ts'
import { distinctNgrams } from './distinct.ts'
import type { IndexedText, Pair } from './evidence.ts'

/** A pair with the places of its runs in the text. */
export interface LocatedPair extends Pair {
  readonly runs: readonly MatchRun[]
}

/** What a scan found in a text, as one pair for each indexed text, in index order. */
export function pairsOf(
  text: string,
  matches: TextMatches | null,
  items: readonly IndexedText[],
): LocatedPair[] {
  if (matches === null) return []
  const byEntry = new Map<number, MatchRun[]>(matches.same.map((entry) => [entry, []]))
  for (const run of matches.runs) {
    const runs = byEntry.get(run.entry)
    if (runs === undefined) byEntry.set(run.entry, [run])
    else runs.push(run)
  }
  if (byEntry.size === 0) return []
  const same = new Set(matches.same)
  const textNgrams7 = matches.runs.length === 0 ? 0 : distinctNgrams(words(text), 7)
  return [...byEntry]
    .sort(([a], [b]) => a - b)
    .map(([entry, runs]) => ({
      entry,
      item: items[entry] as IndexedText,
      runs,
      same: same.has(entry),
      textWords: matches.words,
      textNgrams7: runs.length === 0 ? Math.max(0, matches.words - 6) : textNgrams7,
    }))
}
