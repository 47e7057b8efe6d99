import { join } from 'node:path'
import type { Columns, Row } from '../record/columns.ts'
import type { Manifest } from '../store/manifest.ts'
import { readParquet } from '../store/parquet-reader.ts'
import { openWhole } from '../store/whole-file.ts'
import type { Plan } from './plan.ts'

/** Lines are written in pieces of about this many characters. */
const pieceLength = 1 << 18

/** Writes the JSON Lines copies of configs that have some, from the committed shards in their order: equal datasets have equal
 *  sidecars. */
export async function writeSidecars({ steps, until }: Plan, manifest: Manifest, out: string): Promise<void> {
  for (const step of until === null ? steps : []) {
    if (step.kind !== 'shape') continue
    const { config, columns, sidecars = [] } = step.shape
    const files = (manifest.configs[config]?.shards ?? []).map(({ file }) => join(out, file))
    for (const sidecar of sidecars) {
      const names = Object.keys(columns).filter((name) => !sidecar.without.includes(name))
      await writeLines(join(out, 'sidecars', sidecar.file), files, names, (row) =>
        sidecar.line === undefined ? row : sidecar.line(row),
      )
    }
  }
}

async function writeLines(
  path: string,
  files: readonly string[],
  columns: readonly string[],
  lineOf: (row: Row<Columns>) => object | null,
): Promise<void> {
  const file = await openWhole(path)
  try {
    let piece = ''
    for (const shard of files) {
      for await (const row of readParquet(shard, { columns })) {
        const line = lineOf(Object.fromEntries(columns.map((name) => [name, row[name]])))
        if (line !== null) piece += `${JSON.stringify(line)}\n`
        if (piece.length < pieceLength) continue
        await file.append(Buffer.from(piece))
        piece = ''
      }
    }
    await file.append(Buffer.from(piece))
    await file.commit()
  } finally {
    await file.abort()
  }
}
