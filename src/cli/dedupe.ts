import { join } from 'node:path'
import { z } from 'zod'
import { writeDuplicatesReport } from '../report/duplicates.ts'
import { dedupeCorpus } from '../stages/deduplicate/dedupe-corpus.ts'
import { sealDedupe } from '../stages/deduplicate/dedupe-folder.ts'
import { duplicateOptions } from '../stages/deduplicate/options.ts'
import type { DedupeSummary } from '../store/dedupe-summary.ts'
import { packageVersion } from '../store/bundled.ts'
import { bytesWatch } from './audit-progress.ts'
import { command } from './command.ts'
import { formatCount, table } from './table.ts'

/** Removes duplicates from a corpus. */
export default command({
  name: 'dedupe',
  summary:
    'Remove exact, normalised and near-duplicates from a corpus, with clusters and a calibrated report',
  positionals: [],
  options: z.object({
    corpus: z.array(z.string()).min(1).describe('JSONL (.gz, .zst) or Parquet file'),
    field: z
      .array(z.string())
      .default(['text'])
      .describe('texts that are compared, several as one: text, or messages[].content'),
    out: z.string().describe('folder for the corpus without duplicates, tables and report'),
    ...duplicateOptions.shape,
    workers: z.int().min(1).optional().describe('threads that read; by default one a core'),
    json: z.boolean().default(false).describe('print dedupe.json'),
  }),
  example:
    'fulcrum dedupe --corpus data/a.jsonl data/b.parquet --field text --keep longest --out runs/dedupe',
  run: async ({ options }, terminal) => {
    const { corpus, field: fields, out, workers, json, ...rest } = options
    const scan = bytesWatch(terminal)
    await dedupeCorpus({
      ...{ corpus, fields, out, options: rest, signal: terminal.signal, progress: scan.watch },
      ...(workers !== undefined && { workers }),
      onStep: (step) => {
        scan.end()
        terminal.tell(`${step}\n`)
      },
    })
    const summary = await writeDuplicatesReport(out)
    await sealDedupe(out, await packageVersion())
    terminal.print(json ? JSON.stringify(summary, null, 1) : summaryText(summary, join(out, 'dedupe.html')))
    return 0
  },
})

function summaryText(summary: DedupeSummary, page: string): string {
  const { rows, documents, removed, clusters, not_compared: notCompared } = summary
  const all = removed.exact + removed.normalised + removed.near
  const counts = table([
    ['rows', rows],
    ['compared', documents],
    ...Object.entries(notCompared).map(([reason, count]) => [`not compared, ${reason}`, count]),
    ['removed, same bytes', removed.exact],
    ['removed, same words', removed.normalised],
    ['removed, near', removed.near],
    ['clusters', clusters],
    ['rows that stay', rows - all],
  ])
  return `${counts}\n\n${formatCount(all)} of ${formatCount(documents)} rows compared were removed; see ${page}`
}
