import { readParquet } from '../../../store/parquet-reader.ts'
import type { EvidenceRow } from './evidence-row.ts'

/** All evidence on one corpus row, with the record where it was kept. */
export interface EvidenceGroup {
  readonly file: string
  readonly row: number
  readonly docId: string | null
  readonly evidence: readonly EvidenceRow[]
  readonly record: string | null
}

/** Stored evidence row by row of the corpus, in its order; both files have that order. */
export async function* evidenceGroups(
  evidenceFile: string,
  recordsFile: string,
): AsyncGenerator<EvidenceGroup> {
  const records = readParquet(recordsFile)
  let record = await records.next()
  try {
    for await (const evidence of grouped(
      readParquet(evidenceFile) as AsyncIterable<unknown> as AsyncIterable<EvidenceRow>,
    )) {
      const [{ train_file: file, row, doc_id: docId }] = evidence
      let kept: string | null = null
      if (record.done !== true && record.value.train_file === file && record.value.row === row) {
        kept = record.value.record as string
        record = await records.next()
      }
      yield { file, row: Number(row), docId, evidence, record: kept }
    }
  } finally {
    await records.return(undefined)
  }
}

async function* grouped(rows: AsyncIterable<EvidenceRow>): AsyncGenerator<[EvidenceRow, ...EvidenceRow[]]> {
  let group: [EvidenceRow, ...EvidenceRow[]] | null = null
  for await (const row of rows) {
    if (group !== null && group[0].row === row.row && group[0].train_file === row.train_file) group.push(row)
    else {
      if (group !== null) yield group
      group = [row]
    }
  }
  if (group !== null) yield group
}
