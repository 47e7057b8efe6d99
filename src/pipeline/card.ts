import type { Manifest } from '../store/manifest.ts'

/** README.md of a built dataset: the YAML block from which Hugging Face datasets finds the configs, then the columns. */
export function datasetCard(manifest: Manifest): string {
  const configs = Object.entries(manifest.configs)
  const yaml = configs.flatMap(([name]) => [
    `  - config_name: ${name}`,
    '    data_files:',
    '      - split: train',
    `        path: data/${name}/train-*.parquet`,
  ])
  const tables = configs.flatMap(([name, { rows, columns }]) => [
    `## ${name} (${rows} rows)`,
    '',
    '| column | type | meaning |',
    '| --- | --- | --- |',
    ...Object.entries(columns).map(
      ([column, { type, nullable, meaning }]) =>
        `| ${column} | ${`${type}${nullable ? ' or null' : ''}`.replaceAll('<', '&lt;')} | ${meaning.replaceAll('|', '\\|')} |`,
    ),
    '',
  ])
  const removed = manifest.removed.by_reason.map(
    ({ stage, reason, rows }) => `- ${rows} rows: ${stage}: ${reason.replaceAll('<', '&lt;')}`,
  )
  const consumers = manifest.configs.dpo_pivotal === undefined ? [] : [pivotalNote, '']
  return [
    '---',
    'configs:',
    ...yaml,
    '---',
    '',
    `# ${manifest.name}`,
    '',
    `Built by fulcrum ${manifest.versions.fulcrum}, seed ${manifest.seed}, plan ${manifest.pipeline.config_sha256.slice(0, 12)}. Models: ${manifest.models.map(({ id }) => id).join(', ') || 'none'}.`,
    '',
    ...tables,
    ...consumers,
    `## Removed (${manifest.removed.rows} rows, kept in removed/ with their reasons)`,
    '',
    ...removed,
    '',
  ].join('\n')
}

const pivotalNote = `\`dpo_pivotal\` has one token on each side and must be trained on exactly these ids: \`fulcrum train dpo\` does.
Trainers that append an end-of-sequence token to each side teach the model to stop after the token.`
