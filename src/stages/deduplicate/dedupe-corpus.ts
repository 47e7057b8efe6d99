import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { col } from '../../record/columns.ts'
import { copyRows } from '../../store/copy-rows.ts'
import type { DedupeSummary } from '../../store/dedupe-summary.ts'
import { sha256OfFile, writeFailure, writeWhole } from '../../store/files.ts'
import { createParquetWriter } from '../../store/parquet-writer.ts'
import { type CorpusFile, corpusFiles } from './corpus-rows.ts'
import { type CorpusResult, findInCorpus, summaryOf } from './corpus-result.ts'
import { claimFolder, moveInto } from './dedupe-folder.ts'
import { largestClusters } from './largest-clusters.ts'
import type { DuplicateOptions } from './options.ts'

export interface DedupeInput {
  readonly corpus: readonly string[]
  /** A text, or a list of messages. */
  readonly field: string
  readonly options: DuplicateOptions
  readonly out: string
  readonly signal?: AbortSignal
  /** What is begun. */
  readonly onStep?: (step: string) => void
}

const clusterColumns = {
  dup_cluster: col.string('the row that stays for the cluster, as file:row'),
  dup_cluster_size: col.int32('documents in the cluster'),
  file: col.string('file of the corpus'),
  row: col.int32('line of a text file, row of a Parquet file, from 1'),
  id: col.nullable(col.string('id of the row, where it has one')),
  stays: col.bool('this is the row that stays'),
  kind: col.nullable(col.string('how it is like the row that stays: exact, normalised or near')),
  jaccard: col.double('Jaccard of shingles with the row that stays'),
}

const removedColumns = {
  ...clusterColumns,
  record: col.string('the row as JSON'),
}

/** Deduplicates a corpus into a folder: corpus/ without the rows that went, removed.parquet, clusters.parquet and
 *  dedupe.json. The same inputs and options give the same bytes, however often the run was cut off; the folder refuses
 *  a run with others. What shows the result and seals the folder comes after (`sealDedupe`). */
export async function dedupeCorpus(input: DedupeInput): Promise<void> {
  const { out, field, options, signal, onStep } = input
  const files = corpusFiles(input.corpus)
  onStep?.('hashing the files')
  const hashes: string[] = []
  for (const { path } of files) hashes.push(await sha256OfFile(path))
  const corpus = files.map(({ name }, i) => ({ file: name, sha256: hashes[i] as string }))
  if (await claimFolder(out, { field, options, corpus })) return

  const attempt = join(out, 'attempts', randomUUID())
  await mkdir(attempt, { recursive: true }).catch((error: unknown) => {
    throw writeFailure(attempt, error)
  })
  try {
    onStep?.('comparing')
    const result = await findInCorpus(files, field, options, signal)
    onStep?.('writing')
    const largest = await writeTables(attempt, files, result)
    const removed = await writeCorpus(attempt, files, result)
    const summary: DedupeSummary = {
      format: 'fulcrum-dedupe/1',
      options: { field, ...options },
      inputs: files.map(({ name }, i) => ({
        file: name,
        sha256: hashes[i] as string,
        ...(result.files[i] as { rows: number; documents: number }),
        removed: removed[i] as number,
      })),
      ...summaryOf(result),
      largest,
    }
    signal?.throwIfAborted()
    const names = ['removed.parquet', 'clusters.parquet', ...files.map(({ name }) => `corpus/${name}`)]
    for (const name of names) await moveInto(join(attempt, name), join(out, name))
    await writeWhole(join(out, 'dedupe.json'), `${JSON.stringify(summary, null, 1)}\n`)
  } finally {
    await rm(join(out, 'attempts'), { recursive: true, force: true })
  }
}

/** Writes clusters.parquet and removed.parquet; gives the largest clusters with the beginnings of some texts. */
async function writeTables(
  attempt: string,
  files: readonly CorpusFile[],
  result: CorpusResult,
): Promise<DedupeSummary['largest']> {
  const shown = largestClusters(result)
  const clusters = await createParquetWriter(join(attempt, 'clusters.parquet'), {
    columns: clusterColumns,
    metadata: {},
  })
  const removed = await createParquetWriter(join(attempt, 'removed.parquet'), {
    columns: removedColumns,
    metadata: {},
  })
  try {
    for await (const { row, document, decision } of result.decisions()) {
      if (decision === null || decision.size < 2) continue
      const name = files[row.file]?.name ?? ''
      const { cluster, size, stays, kind, jaccard } = decision
      const line = {
        ...{ dup_cluster: cluster, dup_cluster_size: size, file: name, row: row.row },
        ...{ id: idOf(row.value), stays, kind, jaccard },
      }
      await clusters.write(line)
      if (!stays) await removed.write({ ...line, record: JSON.stringify(row.value, bigintAsText) })
      shown.get(result.found.representative[document] as number)?.take(decision, `${name}:${row.row}`, row)
    }
    await Promise.all([clusters.close(), removed.close()])
  } catch (error) {
    await Promise.all([clusters.abort(), removed.abort()])
    throw error
  }
  return [...shown.values()].map(({ entry }) => entry)
}

/** Rows that went, by file. */
async function writeCorpus(
  attempt: string,
  files: readonly CorpusFile[],
  result: CorpusResult,
): Promise<number[]> {
  await mkdir(join(attempt, 'corpus'))
  const removed: number[] = []
  for (const [file, { path, name }] of files.entries()) {
    const stays = result.staysIn(file)
    let count = 0
    await copyRows(path, join(attempt, 'corpus', name), (row) => {
      const kept = stays(row)
      if (!kept) count++
      return kept
    })
    removed.push(count)
  }
  return removed
}

const idOf = (value: Readonly<Record<string, unknown>> | null): string | null => {
  const id = value?.id
  return typeof id === 'string' || typeof id === 'number' || typeof id === 'bigint' ? String(id) : null
}

const bigintAsText = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value
