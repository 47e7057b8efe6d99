import { col } from '../record/columns.ts'
import { records, type Source, type SourceOptions } from './source.ts'

const passageColumns = {
  seed_id: col.string('identity of the passage: as given, else a hash of its record'),
  text: col.string('the passage'),
}

/** Passages that questions and texts are made from, out of JSONL or Parquet with `text` and, if there is one, `id`. */
export function passages(
  files: string | readonly string[],
  options: SourceOptions = {},
): Source<typeof passageColumns> {
  const source = records(files, { id: passageColumns.seed_id, text: passageColumns.text }, options)
  return {
    ...source,
    columns: passageColumns,
    async *rows() {
      for await (const { row, reason } of source.rows()) {
        if (reason !== null) yield { row, reason }
        else yield { row: { seed_id: row.id, text: row.text }, reason }
      }
    },
  }
}
