import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { col, type Columns } from '../../src/record/columns.ts'
import { type Manifest, manifestSchema } from '../../src/store/manifest.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'

const ids = col.list(col.int32('token id'), 'ids')
const hash = col.nullable(col.string('hash'))
const made = { tokenizer_sha256: hash, chat_template_sha256: hash }
const columns: Readonly<Record<string, Columns>> = {
  sft_text: {
    prompt: col.string('prompt'),
    completion: col.string('completion'),
    prompt_ids: col.nullable(ids),
    completion_ids: col.nullable(ids),
    ...made,
  },
  dpo_pivotal: { prompt_ids: ids, chosen_ids: ids, rejected_ids: ids, ...made },
}

type Row = Readonly<Record<string, unknown>>

/** A built dataset of one config with real shards; gives the path of its manifest. */
export async function writeDataset(
  folder: string,
  config: 'sft_text' | 'dpo_pivotal',
  shards: readonly (readonly Row[])[],
): Promise<string> {
  const files: Manifest['configs'][string]['shards'] = []
  await mkdir(join(folder, 'data', config), { recursive: true })
  for (const [i, rows] of shards.entries()) {
    const file = `data/${config}/train-${String(i).padStart(5, '0')}.parquet`
    const own = columns[config] as Columns
    const writer = await createParquetWriter(join(folder, file), { columns: own, metadata: {} })
    for (const row of rows) await writer.write({ tokenizer_sha256: null, chat_template_sha256: null, ...row })
    const { rows: count, bytes, sha256 } = await writer.close()
    files.push({ file, rows: count, bytes, sha256 })
  }
  const nothing = '0'.repeat(64)
  const manifest: Manifest = manifestSchema.parse({
    format: 'fulcrum-manifest/1',
    name: 'made',
    pipeline: { name: 'made', options: {}, config_sha256: nothing, stages: [] },
    seed: 0,
    versions: { fulcrum: '0', node: '20' },
    models: [],
    inputs: [],
    configs: { [config]: { rows: shards.flat().length, columns: {}, shards: files } },
    removed: { rows: 0, by_reason: [], shards: [] },
    counters: {},
  })
  const path = join(folder, 'manifest.json')
  await writeFile(path, JSON.stringify(manifest))
  return path
}
