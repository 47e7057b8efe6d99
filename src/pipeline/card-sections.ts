import { ownTrainers, type Trainer, unsafe, uses } from '../record/consumers.ts'
import type { Manifest } from '../store/manifest.ts'
import { plain, table } from './markdown.ts'

const trainers: Readonly<Record<Trainer, string>> = {
  trl: 'TRL',
  axolotl: 'axolotl',
  'llama-factory': 'LLaMA-Factory',
  verl: 'verl',
  'open-instruct': 'open-instruct',
}

/** Which trainer takes which config, how, and which must not. */
export function readers({ configs }: Manifest): string[] {
  const names = Object.keys(configs)
  const rows = names.flatMap((name) => [
    ...(ownTrainers[name] === undefined ? [] : [[`\`${name}\``, `\`${ownTrainers[name]}\``, 'the exact token ids where the config has them']]),
    ...Object.entries(uses[name] ?? {}).map(([trainer, { how }]) => [`\`${name}\``, trainers[trainer as Trainer], how]),
    ...Object.entries(unsafe[name] ?? {}).map(([trainer, why]) => [`\`${name}\``, `**not ${trainers[trainer as Trainer]}**`, why]),
  ]) // prettier-ignore
  if (rows.length === 0) return []
  return [
    '## Who reads what',
    '',
    ...table(['config', 'trainer', 'how'], rows),
    '`fulcrum export DATASET --for TRAINER` writes a folder with the columns that one of them wants.',
    '',
  ]
}

/** What rows were compared with, and how many fell. */
export function decontamination({ pipeline, removed }: Manifest): string[] {
  const stages = pipeline.stages.filter(({ options }) => Array.isArray(options['against']))
  if (stages.length === 0) {
    return ['## Decontamination', '', 'None: no row was compared with any benchmark.', '']
  }
  const found = stages.flatMap(({ name, options, rows_in: came }) => {
    const dropped = removed.by_reason.filter(
      ({ stage, reason }) => stage === name && reason.startsWith('contaminated'),
    )
    const against = (options['against'] as unknown[]).map(benchmarkName)
    const { rule, info, contaminated } = options
    return [
      `- ${plain(name)}: ${came} rows compared with ${against.join(', ')} (rule ${value(rule)}, partial over ${value(info)}, contaminated from ${value(contaminated)}); ${dropped.reduce((sum, { rows }) => sum + rows, 0)} dropped as contaminated.`,
    ]
  })
  return [
    '## Decontamination',
    '',
    ...found,
    '',
    'Word for word only: rephrased items are not found. Rows that share less are kept and marked in `decon_status`.',
    '',
  ]
}

function benchmarkName(of: unknown): string {
  const { name } = of as { name?: unknown }
  return value(name ?? of)
}

const value = (of: unknown): string => plain(typeof of === 'string' ? of : JSON.stringify(of))

/** Rows in and out of each stage, and why rows are not in the dataset. */
export function rowsLeft({ pipeline, removed }: Manifest): string[] {
  const reasons = new Map<string, [string, string, number]>()
  for (const { stage, reason, rows } of removed.by_reason) {
    // What follows a colon is of one row; the manifest has it.
    const [kind = ''] = reason.split(':')
    const key = JSON.stringify([stage, kind])
    reasons.set(key, [plain(stage), plain(kind), rows + (reasons.get(key)?.[2] ?? 0)])
  }
  return [
    '## Stages',
    '',
    ...table(
      ['stage', 'rows in', 'rows out'],
      pipeline.stages.map(({ name, rows_in: came, rows_out: went }) => [plain(name), came, went]),
    ),
    `## Removed (${removed.rows} rows, kept in removed/ with their reasons)`,
    '',
    ...table(
      ['stage', 'reason', 'rows'],
      [...reasons.values()].sort((a, b) => b[2] - a[2]),
    ),
  ]
}
