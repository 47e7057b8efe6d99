import type { DedupeSummary } from '../../store/dedupe-summary.ts'
import type { Decision } from './corpus-result.ts'
import type { Duplicates } from './find-duplicates.ts'

type Entry = DedupeSummary['largest'][number]

/** Collects rows of one cluster. */
export interface ShownCluster {
  readonly entry: Entry
  /** Takes the row that stays, and the first of the others. */
  take(decision: Decision, name: string, text: string): void
}

/** The largest clusters by the document that stays, ready for their rows. */
export function largestClusters(found: Duplicates): Map<number, ShownCluster> {
  const largest: number[] = []
  for (let document = 0; document < found.documents; document++) {
    const size = found.size[document] as number
    const last = largest.at(-1)
    const full = largest.length === mostClusters
    if (size < 2 || (full && size <= (found.size[last as number] as number))) continue
    if (full) largest.pop()
    const at = largest.findIndex((other) => (found.size[other] as number) < size)
    largest.splice(at < 0 ? largest.length : at, 0, document)
  }
  return new Map(largest.map((document) => [document, newShown(found.size[document] as number)]))
}

function newShown(size: number): ShownCluster {
  const rows: Entry['rows'] = []
  const entry: Entry = { cluster: '', size, rows }
  let others = 0
  return {
    entry,
    take: ({ cluster, stays, kind, jaccard }, name, text) => {
      entry.cluster = cluster
      if (!stays && ++others > mostOthers) return
      const shown = { row: name, stays, kind, jaccard, text: beginning(text) }
      if (stays) rows.unshift(shown)
      else rows.push(shown)
    },
  }
}

const mostClusters = 12
const mostOthers = 4
/** Characters of a text that are shown. */
const mostShown = 600

const beginning = (text: string): string => (text.length > mostShown ? `${text.slice(0, mostShown)}…` : text)
