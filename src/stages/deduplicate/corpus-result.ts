import { FulcrumError } from '../../errors.ts'
import type { DedupeSummary } from '../../store/dedupe-summary.ts'
import { type CorpusFile, type CorpusRow, corpusRows } from './corpus-rows.ts'
import { type CorpusDocument, documentSource } from './documents.ts'
import { type DuplicateKind, type Duplicates, findDuplicates } from './find-duplicates.ts'
import type { DuplicateOptions } from './options.ts'
import { WordTable } from './word-table.ts'

/** What was decided about a row of the corpus. */
export interface Decision {
  /** The row that stays for the cluster, as file:row. */
  readonly cluster: string
  readonly size: number
  readonly stays: boolean
  /** How it is like the row that stays; null for that row. */
  readonly kind: DuplicateKind | null
  readonly jaccard: number
}

/** Duplicates of a corpus, by row. */
export interface CorpusResult {
  readonly found: Duplicates
  readonly rows: number
  readonly notCompared: Readonly<Record<string, number>>
  readonly files: readonly { readonly rows: number; readonly documents: number }[]
  /** The rows again, each with its decision; null for a row that was not compared. */
  decisions(): AsyncIterable<{ row: CorpusRow; document: number; decision: Decision | null }>
  /** Whether a row of a file stays; to be asked in order. */
  staysIn(file: number): (row: number) => boolean
}

/** Finds the duplicates of a corpus; which row a document came from costs four bytes more. */
export async function findInCorpus(
  files: readonly CorpusFile[],
  field: string,
  options: DuplicateOptions,
  signal: AbortSignal | undefined,
): Promise<CorpusResult> {
  let survey = newSurvey(files)
  const read = async function* (): AsyncGenerator<CorpusDocument> {
    const again = newSurvey(files)
    for await (const row of corpusRows(files, field))
      if (again.take(row)) yield row.document as CorpusDocument
    survey = again
  }
  const found = await findDuplicates(documentSource(read), options, signal)
  const { rowOf, counts, starts, rows, notCompared } = survey
  if (found.documents === 0) throw nothingToCompare(files, field, survey)

  const nameOf = (document: number): string => {
    const file = starts.findLastIndex((start) => start <= document)
    return `${files[file]?.name ?? ''}:${rowOf.get(document, 0)}`
  }
  const decide = (document: number): Decision => {
    const stays = found.representative[document] as number
    return {
      cluster: nameOf(stays),
      size: found.size[stays] as number,
      stays: stays === document,
      kind: stays === document ? null : found.kindOf(document),
      jaccard: found.jaccard[document] as number,
    }
  }
  return {
    found,
    ...{ rows, notCompared, files: counts },
    staysIn: (file) => {
      let document = starts[file] as number
      const end = document + (counts[file]?.documents ?? 0)
      return (row) => {
        if (document >= end || rowOf.get(document, 0) !== row) return true
        return found.representative[document] === document++
      }
    },
    async *decisions() {
      let document = 0
      for await (const row of corpusRows(files, field)) {
        if (row.document === null) yield { row, document: -1, decision: null }
        else {
          if (document >= found.documents || rowOf.get(document, 0) !== row.row) throw changed(files, row)
          yield { row, document, decision: decide(document++) }
        }
      }
    },
  }
}

interface Survey {
  rows: number
  /** Row of each document in its file. */
  readonly rowOf: WordTable
  /** First document of each file. */
  readonly starts: number[]
  readonly counts: { rows: number; documents: number }[]
  readonly notCompared: Record<string, number>
  /** Field names of the first rows. */
  readonly fields: Set<string>
  /** Whether the row is a document. */
  take(row: CorpusRow): boolean
}

function newSurvey(files: readonly CorpusFile[]): Survey {
  const survey: Survey = {
    rows: 0,
    rowOf: new WordTable(1),
    starts: files.map(() => Infinity),
    counts: files.map(() => ({ rows: 0, documents: 0 })),
    notCompared: {},
    fields: new Set(),
    take: ({ file, row, value, document, reason }) => {
      const counts = survey.counts[file] as { rows: number; documents: number }
      survey.rows++
      counts.rows++
      if (survey.rows <= 100) for (const name of Object.keys(value ?? {})) survey.fields.add(name)
      if (document === null) {
        const why = reason ?? 'no text'
        survey.notCompared[why] = (survey.notCompared[why] ?? 0) + 1
        return false
      }
      const place = survey.rowOf.push([row])
      survey.starts[file] = Math.min(survey.starts[file] as number, place)
      counts.documents++
      return true
    },
  }
  return survey
}

function nothingToCompare(
  files: readonly CorpusFile[],
  field: string,
  { rows, fields }: Survey,
): FulcrumError {
  const names = files.map(({ path }) => path).join(', ')
  return new FulcrumError(
    'data',
    rows === 0
      ? `There are no rows in ${names}`
      : `None of the ${rows} rows of ${names} has a text in ${field}`,
    rows === 0
      ? 'Give a file with at least one row.'
      : `Choose another --field; the first rows have ${[...fields].slice(0, 12).join(', ') || 'none'}.`,
  )
}

function changed(files: readonly CorpusFile[], { file }: CorpusRow): FulcrumError {
  return new FulcrumError(
    'data',
    `${files[file]?.path ?? ''} changed while it was read`,
    'Run the same command again when the file is whole.',
  )
}

/** The numbers of dedupe.json. */
export function summaryOf({
  found,
  rows,
  notCompared,
}: CorpusResult): Omit<DedupeSummary, 'format' | 'options' | 'inputs' | 'largest'> {
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
    rows,
    documents: found.documents,
    not_compared: notCompared,
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
