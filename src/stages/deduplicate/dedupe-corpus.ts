import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { copyParquetRows, copyRows } from '../../corpus/copy.ts'
import { sliceFiles } from '../../corpus/plan.ts'
import { col, type Columns } from '../../record/columns.ts'
import type { DedupeSummary } from '../../store/dedupe-summary.ts'
import { sha256OfFile, writeFailure, writeWhole } from '../../store/files.ts'
import { createParquetWriter, type ParquetWriter } from '../../store/parquet-writer.ts'
import { type Corpus, type CorpusFile, corpusFiles, openCorpus } from './corpus.ts'
import { clustered, decisionOn, removedAmong, staysIn, summaryOf } from './corpus-result.ts'
import { claimFolder, moveInto } from './dedupe-folder.ts'
import { type Duplicates, findDuplicates } from './find-duplicates.ts'
import { largestClusters } from './largest-clusters.ts'
import type { DuplicateOptions } from './options.ts'

export interface DedupeInput {
  readonly corpus: readonly string[]
  /** Places of the texts that are compared, as `text` or `messages[].content`. */
  readonly fields: readonly string[]
  readonly options: DuplicateOptions
  readonly out: string
  /** Threads of the first pass; by default one a core. */
  readonly workers?: number
  readonly signal?: AbortSignal
  /** What is begun. */
  readonly onStep?: (step: string) => void
  readonly progress?: (bytes: number, allBytes: number) => void
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
 *  dedupe.json. The same inputs and options give the same bytes, however often the run was cut off and however many
 *  workers it has; the folder refuses a run with others. What shows the result and seals the folder comes after
 *  (`sealDedupe`). */
export async function dedupeCorpus(input: DedupeInput): Promise<void> {
  const { out, fields, options, signal, onStep } = input
  const files = corpusFiles(input.corpus)
  await sliceFiles(files)
  onStep?.('hashing the files')
  const hashes: string[] = []
  for (const { path } of files) hashes.push(await sha256OfFile(path))
  const named = files.map(({ name }, i) => ({ file: name, sha256: hashes[i] as string }))
  if (await claimFolder(out, { fields, options, corpus: named })) return

  const attempt = join(out, 'attempts', randomUUID())
  await mkdir(join(attempt, 'corpus'), { recursive: true }).catch((error: unknown) => {
    throw writeFailure(attempt, error)
  })
  try {
    onStep?.('comparing')
    const corpus = openCorpus({ ...input, files })
    const found = await findDuplicates(corpus, options, signal)
    onStep?.('writing')
    const largest = await writeTables(attempt, files, corpus, found)
    for (const [file, { path, name }] of files.entries()) {
      signal?.throwIfAborted()
      const stays = staysIn(file, found, corpus)
      const to = join(attempt, 'corpus', name)
      if (path.endsWith('.parquet'))
        await copyParquetRows(path, (row, values) => (stays(row) ? values : null), to)
      else await copyRows(path, (row) => (stays(row) ? 'keep' : 'drop'), to)
    }
    const summary: DedupeSummary = {
      format: 'fulcrum-dedupe/1',
      options: { fields: [...fields], ...options },
      inputs: named.map((of, i) => {
        const { start, end } = corpus.documentsIn(i)
        const rows = corpus.totals().files[i]?.rows ?? 0
        return { ...of, rows, documents: end - start, removed: removedAmong(found, start, end) }
      }),
      ...summaryOf(found, corpus, fields),
      largest,
    }
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
  corpus: Corpus,
  found: Duplicates,
): Promise<DedupeSummary['largest']> {
  const shown = largestClusters(found)
  const open = (name: string, columns: Columns): Promise<ParquetWriter> =>
    createParquetWriter(join(attempt, name), { columns, metadata: {} })
  const clusters = await open('clusters.parquet', clusterColumns)
  const removed = await open('removed.parquet', removedColumns)
  try {
    for await (const row of corpus.rows(clustered(found))) {
      const decision = decisionOn(row.document, found, corpus)
      const { cluster, size, stays, kind, jaccard } = decision
      const line = {
        ...{ dup_cluster: cluster, dup_cluster_size: size, file: files[row.file]?.name ?? '', row: row.row },
        ...{ id: row.id, stays, kind, jaccard },
      }
      await clusters.write(line)
      if (!stays) await removed.write({ ...line, record: row.record() })
      shown
        .get(found.representative[row.document] as number)
        ?.take(decision, `${line.file}:${row.row}`, row.texts.join('\n'))
    }
    await Promise.all([clusters.close(), removed.close()])
  } catch (error) {
    await Promise.all([clusters.abort(), removed.abort()])
    throw error
  }
  return [...shown.values()].map(({ entry }) => entry)
}
