import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { col, type Columns, type Row, typeName } from '../../src/record/columns.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { pivotalTokens } from '../../src/record/pivotal-tokens.ts'
import { type Manifest, manifestSchema } from '../../src/store/manifest.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'

type Pivot = Row<typeof pivotalTokens.columns>

const example: Pivot = {
  ...(Object.fromEntries(
    Object.entries(pivotalTokens.columns as Columns).map(([name, column]) => [name, plain(column.type.kind)]),
  ) as unknown as Pivot),
  question_id: 'q1',
  query: 'What is 1 + 1?',
  trace_id: 'q1-0',
  pass_rate: 0.5,
  trace_tokens: ['so', ' directly', '\n', '2', '<end>'],
  position: 1,
  prob_before: 0.5,
  prob_after: 0.25,
  prob_after_low: 0.16,
  prob_after_high: 0.37,
  prob_delta: -0.25,
  delta_low: -0.4,
  delta_high: -0.1,
  n_before: 64,
  n_after: 64,
  confirmed: true,
  on_policy: false,
  chosen_token: ' stepwise',
  rejected_token: ' directly',
  prob_chosen: 0.75,
  prob_rejected: 0.25,
}

function plain(kind: string): unknown {
  return kind === 'string' ? 'x' : kind === 'list' ? [] : kind === 'bool' ? false : 0
}

export interface RunFolderInput {
  readonly pivots?: readonly Partial<Pivot>[]
  readonly removed?: readonly {
    readonly id: string
    readonly stage: string
    readonly reason: string
    readonly row: string
  }[]
  readonly change?: Partial<Manifest>
}

const removedColumns = {
  id: col.nullable(col.string('id')),
  stage: col.string('stage'),
  reason: col.string('why'),
  row: col.string('the row as JSON'),
}

/** A run folder with real shards of the given rows; gives the path of its manifest. */
export async function runFolder({ pivots = [], removed = [], change = {} }: RunFolderInput): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fulcrum-report-'))
  const shard = async (name: string, columns: Columns, rows: readonly Record<string, unknown>[]) => {
    const file = `${name}/train-00000-of-00001.parquet`
    await mkdir(join(folder, name), { recursive: true })
    const writer = await createParquetWriter(join(folder, file), { columns, metadata: {} })
    for (const row of rows) await writer.write(row)
    return { file, ...(await writer.close()) }
  }
  const found = await shard(
    'data/pivotal_tokens',
    pivotalTokens.columns,
    pivots.map((row) => ({ ...example, ...row })),
  )
  const dropped = await shard('removed', removedColumns, removed)
  const described = (columns: Columns): Manifest['configs'][string]['columns'] =>
    Object.fromEntries(
      Object.entries(columns).map(([name, { type, nullable, meaning }]) => [
        name,
        { type: typeName(type), nullable, meaning },
      ]),
    )
  const manifest: Manifest = manifestSchema.parse({
    format: 'fulcrum-manifest/1',
    name: 'quickstart',
    pipeline: {
      name: 'quickstart',
      options: {},
      config_sha256: '0'.repeat(64),
      stages: [
        { name: 'teachable', options: {}, rows_in: 9, rows_out: 5 },
        { name: 'findPivotalTokens', options: {}, rows_in: 5, rows_out: pivots.length },
      ],
    },
    seed: 3,
    versions: { fulcrum: '0.1.0', node: 'v20' },
    models: [{ id: 'local:student@1' }],
    inputs: [{ file: 'problems.jsonl', sha256: '0'.repeat(64), rows: 10, malformed: 1 }],
    configs: {
      pivotal_tokens: { rows: found.rows, columns: described(pivotalTokens.columns), shards: [found] },
      dpo_pivotal: { rows: 1, columns: described(dpoPivotal.columns), shards: [] },
    },
    removed: {
      rows: removed.length,
      by_reason: removed.map(({ stage, reason }) => ({ stage, reason, rows: 1 })),
      shards: [dropped],
    },
    counters: { student_rollouts: 640 },
    ...change,
  })
  const path = join(folder, 'manifest.json')
  await writeFile(path, JSON.stringify(manifest))
  return path
}
