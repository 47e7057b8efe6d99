import { mkdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Columns, Row } from '../record/columns.ts'
import { syncFolder } from './files.ts'
import { createParquetWriter } from './parquet-writer.ts'

/** A Parquet file that appears whole, at close. */
export interface WholeParquet<C extends Columns> {
  write(row: Row<C>): Promise<void>
  close(): Promise<{ readonly rows: number }>
  abort(): Promise<void>
}

/** Opens one for writing; the meanings of its columns go with it. */
export async function createWholeParquet<C extends Columns>(
  path: string,
  columns: C,
): Promise<WholeParquet<C>> {
  await mkdir(dirname(path), { recursive: true })
  const meanings = Object.fromEntries(Object.entries(columns).map(([name, { meaning }]) => [name, meaning]))
  const writer = await createParquetWriter(`${path}.partial`, {
    columns,
    metadata: { 'fulcrum.columns': JSON.stringify(meanings) },
  })
  return {
    write: (row) => writer.write(row),
    close: async () => {
      const { rows } = await writer.close()
      await rename(`${path}.partial`, path)
      await syncFolder(dirname(path))
      return { rows }
    },
    abort: () => writer.abort(),
  }
}
