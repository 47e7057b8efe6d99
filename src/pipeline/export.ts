import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FulcrumError } from '../errors.ts'
import type { Columns } from '../record/columns.ts'
import { type Trainer, unsafe, type Use, uses } from '../record/consumers.ts'
import { typeNamed } from '../record/type-name.ts'
import { writeWhole } from '../store/files.ts'
import { type Manifest, readManifest } from '../store/manifest.ts'
import { readParquet } from '../store/parquet-reader.ts'
import { createWholeParquet } from '../store/whole-parquet.ts'
import { configsBlock } from './card.ts'
import { llamaFactoryFormats } from './dataset-info.ts'

export interface ExportOptions {
  readonly trainer: Trainer
  /** All that the trainer reads by default. */
  readonly configs: readonly string[]
  readonly out: string
}

export interface Exported {
  readonly config: string
  readonly rows: number
  readonly columns: readonly string[]
  readonly how: string
}

/** Writes the configs of a dataset with just the columns that one trainer reads, under the names it wants, as a folder that
 *  it and Hugging Face datasets load. Rows keep their order and files their names. */
export async function exportDataset(manifestPath: string, options: ExportOptions): Promise<Exported[]> {
  const { trainer, out } = options
  const manifest = await readManifest(manifestPath)
  const chosen = chosenConfigs(manifest, options)
  await refuseFilled(out)
  const exported: Exported[] = []
  for (const { config, use } of chosen) {
    const { columns: there, shards } = manifest.configs[config] as Manifest['configs'][string]
    const columns = columnsFor(use, there)
    let rows = 0
    for (const { file } of shards) {
      const writer = await createWholeParquet(join(out, file), columns)
      const wanted = [...new Set(Object.values(use.columns))]
      for await (const row of readParquet(join(dirname(manifestPath), file), { columns: wanted })) {
        const picked = Object.entries(use.columns).map(([name, column]) => [name, row[column]])
        await writer.write(Object.fromEntries(picked) as Readonly<Record<string, never>>)
      }
      rows += (await writer.close()).rows
    }
    exported.push({ config, rows, columns: Object.keys(use.columns), how: use.how })
  }
  await writeWhole(join(out, 'README.md'), cardOf(manifest, trainer, exported))
  if (trainer === 'llama-factory') await writeWhole(join(out, 'dataset_info.json'), datasetInfoOf(exported))
  return exported
}

function chosenConfigs(
  { configs }: Manifest,
  { trainer, configs: asked }: ExportOptions,
): { config: string; use: Use }[] {
  const readable = Object.keys(configs).filter((config) => uses[config]?.[trainer] !== undefined)
  const refused = asked.filter((config) => !readable.includes(config))
  const why = refused.map((config) =>
    configs[config] === undefined
      ? `there is no config ${config}`
      : `${config}: ${unsafe[config]?.[trainer] ?? `${trainer} does not read it`}`,
  )
  if (refused.length > 0 || readable.length === 0) {
    throw new FulcrumError(
      'config',
      `Nothing to write for ${trainer}: ${why.join('; ') || `it reads none of ${Object.keys(configs).join(', ')}`}`,
      readable.length > 0
        ? `It reads ${readable.join(', ')} of this dataset.`
        : `It reads ${Object.keys(uses).filter((config) => uses[config]?.[trainer] !== undefined).join(', ')}: let the pipeline write one of these.`, // prettier-ignore
    )
  }
  const wanted = asked.length > 0 ? [...new Set(asked)] : readable
  return wanted.map((config) => ({ config, use: uses[config]?.[trainer] as Use }))
}

function columnsFor(use: Use, there: Manifest['configs'][string]['columns']): Columns {
  return Object.fromEntries(
    Object.entries(use.columns).map(([name, column]) => {
      const type = typeNamed(there[column]?.type ?? '')
      if (type !== null) return [name, { type, meaning: there[column]?.meaning ?? '', nullable: true }]
      throw new FulcrumError(
        'data',
        `The dataset has no column ${column}, which ${name} would be`,
        'It was built by another version of Fulcrum: build it again.',
      )
    }),
  )
}

async function refuseFilled(out: string): Promise<void> {
  const there = await readdir(out).catch(() => [])
  if (there.length === 0) return
  throw new FulcrumError('config', `${out} is not empty`, 'Choose another --out, or delete it.')
}

function cardOf({ name, configs }: Manifest, trainer: Trainer, exported: readonly Exported[]): string {
  const written = Object.fromEntries(exported.map(({ config }) => [config, configs[config]]))
  return [
    '---',
    ...configsBlock(Object.keys(written)),
    '---',
    '',
    `Configs of ${JSON.stringify(name)} with the columns that ${trainer} reads.`,
    '',
    ...exported.map(({ config, columns, how }) => `- \`${config}\` (${columns.join(', ')}): ${how}.`),
    '',
  ].join('\n')
}

/** The columns have the names that LLaMA-Factory's own options take by default or that the dataset's file gives. */
function datasetInfoOf(exported: readonly Exported[]): string {
  const known = exported.map(({ config }) => {
    const format = llamaFactoryFormats[config] as { columns: Readonly<Record<string, string>> }
    const renamed = Object.entries(format.columns).map(([role, column]) => [
      role,
      column === 'prompt_with_bos' ? 'prompt' : column,
    ])
    return [
      config,
      { file_name: `data/${config}`, ...format, columns: Object.fromEntries(renamed) as object },
    ]
  })
  return `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`
}
