import type { DedupeSummary } from '../../store/dedupe-summary.ts'
import type { Corpus } from './corpus.ts'
import type { DuplicateKind, Duplicates } from './find-duplicates.ts'

/** What was decided about a document. */
export interface Decision {
  /** The row that stays for the cluster, as file:row. */
  readonly cluster: string
  readonly size: number
  readonly stays: boolean
  /** How it is like the row that stays; null for that row. */
  readonly kind: DuplicateKind | null
  readonly jaccard: number
}

export function decisionOn(document: number, found: Duplicates, corpus: Corpus): Decision {
  const representative = found.representative[document] as number
  const stays = representative === document
  return {
    ...{ cluster: corpus.nameOf(representative), size: found.size[representative] as number, stays },
    kind: stays ? null : found.kindOf(document),
    jaccard: found.jaccard[document] as number,
  }
}

/** Marks the documents of clusters of two and more. */
export function clustered({ representative, size }: Duplicates): Uint8Array {
  return Uint8Array.from(representative, (stays) => ((size[stays] as number) > 1 ? 1 : 0))
}

/** Whether a row of a file stays; to be asked in order of rows. */
export function staysIn(
  file: number,
  { representative }: Duplicates,
  corpus: Corpus,
): (row: number) => boolean {
  const { start, end } = corpus.documentsIn(file)
  let document = start
  return (row) => {
    if (document >= end || corpus.rowOf(document) !== row) return true
    return representative[document] === document++
  }
}

/** Rows that went, of the documents start..end-1. */
export function removedAmong({ representative }: Duplicates, start: number, end: number): number {
  let count = 0
  for (let document = start; document < end; document++) if (representative[document] !== document) count++
  return count
}

/** The numbers of dedupe.json. */
export function summaryOf(
  found: Duplicates,
  corpus: Corpus,
  fields: readonly string[],
): Omit<DedupeSummary, 'format' | 'options' | 'inputs' | 'largest'> {
  const { counts } = corpus.totals()
  const removed = { exact: 0, normalised: 0, near: 0 }
  const sizes = new Map<number, number>()
  let [clusters, inClusters] = [0, 0]
  for (let document = 0; document < found.documents; document++) {
    const size = found.size[document] as number
    if (found.representative[document] !== document) removed[found.kindOf(document)]++
    if (size < 2) continue
    clusters++
    inClusters += size
    const power = Math.ceil(Math.log2(size))
    sizes.set(power, (sizes.get(power) ?? 0) + 1)
  }
  const { near } = found
  return {
    rows: counts.rows,
    documents: found.documents,
    not_compared: {
      ...counts.unreadable,
      ...(counts.withoutText > 0 && { [`no text in ${fields.join(', ')}`]: counts.withoutText }),
    },
    too_short: near?.tooShort ?? 0,
    removed,
    clusters,
    documents_in_clusters: inClusters,
    sizes: [...sizes]
      .sort(([a], [b]) => a - b)
      .map(([power, count]) => ({ from: 2 ** (power - 1) + 1, to: 2 ** power, clusters: count })),
    linked: near?.linked ?? 0,
    left_out: near?.leftOut ?? 0,
    calibration: near && {
      pairs: near.calibration.pairs,
      bins: near.calibration.bins.map((bin) => ({ ...bin, expected: bin.pairs === 0 ? null : bin.expected })),
    },
  }
}
