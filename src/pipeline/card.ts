import type { Manifest } from '../store/manifest.ts'
import { decontamination, readers, rowsLeft } from './card-sections.ts'
import { plain, table } from './markdown.ts'

/** README.md of a built dataset: the YAML block from which Hugging Face datasets finds the configs, then what is in them,
 *  who reads them, what was left out and what was compared with. Says nothing that equal runs would say otherwise. */
export function datasetCard(manifest: Manifest): string {
  return [
    ...frontMatter(manifest),
    '',
    `# ${plain(manifest.name)}`,
    '',
    ...(manifest.description === undefined ? [] : [plain(manifest.description), '']),
    `Built by fulcrum ${manifest.versions.fulcrum}, seed ${manifest.seed}, plan ${manifest.pipeline.config_sha256.slice(0, 12)}. Models: ${manifest.models.map(({ id }) => plain(id)).join(', ') || 'none'}. ${licenceText(manifest)}`,
    '',
    ...contents(manifest),
    ...readers(manifest),
    ...decontamination(manifest),
    ...rowsLeft(manifest),
    ...Object.entries(manifest.configs).flatMap(([name, config]) => columnsOf(name, config)),
  ].join('\n')
}

function frontMatter({ name, configs, licence }: Manifest): string[] {
  const rows = Object.values(configs).reduce((sum, config) => sum + config.rows, 0)
  return [
    '---',
    `pretty_name: ${JSON.stringify(name)}`,
    // What the Hub knows as `unknown` is said rather than guessed.
    `license: ${JSON.stringify(licence ?? 'unknown')}`,
    'size_categories:',
    `  - ${sizeCategory(rows)}`,
    'tags:',
    '  - synthetic',
    '  - fulcrum',
    ...configsBlock(Object.keys(configs)),
    '---',
  ]
}

/** From what Hugging Face datasets finds the configs of a folder. */
export const configsBlock = (names: readonly string[]): string[] => [
  'configs:',
  ...names.flatMap((config, i) => [
    `  - config_name: ${config}`,
    ...(i === 0 ? ['    default: true'] : []),
    '    data_files:',
    '      - split: train',
    `        path: data/${config}/train-*.parquet`,
  ]),
]

/** The Hub's own classes, by rows of all configs. */
function sizeCategory(rows: number): string {
  const bounds = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12]
  const names = ['1K', '10K', '100K', '1M', '10M', '100M', '1B', '10B', '100B', '1T']
  const at = bounds.findIndex((bound) => rows < bound)
  if (at === 0) return 'n<1K'
  return at < 0 ? 'n>1T' : `${names[at - 1]}<n<${names[at]}`
}

const licenceText = ({ licence }: Manifest): string =>
  licence === undefined
    ? 'No licence was given: those of the inputs and models hold.'
    : `Licence: ${plain(licence)}; those of the inputs and models hold too.`

function contents({ configs, inputs }: Manifest): string[] {
  return [
    ...table(
      ['config', 'rows', 'shards', 'bytes'],
      Object.entries(configs).map(([name, { rows, shards }]) => [
        `\`${name}\``,
        rows,
        shards.length,
        shards.reduce((sum, { bytes }) => sum + bytes, 0),
      ]),
    ),
    `Inputs: ${inputs.map(({ rows, sha256 }) => `${rows} records (sha256 ${sha256.slice(0, 12)})`).join(', ')}.`,
    '',
  ]
}

function columnsOf(name: string, { rows, columns }: Manifest['configs'][string]): string[] {
  return [
    `## ${name} (${rows} rows)`,
    '',
    ...table(
      ['column', 'type', 'meaning'],
      Object.entries(columns).map(([column, { type, nullable, meaning }]) => [
        plain(column),
        plain(`${type}${nullable ? ' or null' : ''}`),
        plain(meaning),
      ]),
    ),
  ]
}
