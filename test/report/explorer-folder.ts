import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { col, type Columns, type ColumnType, type Row, typeName } from '../../src/record/columns.ts'
import { dpoBranchText } from '../../src/record/dpo-branch-text.ts'
import { dpoPivotal } from '../../src/record/dpo-pivotal.ts'
import { pivotalTokens } from '../../src/record/pivotal-tokens.ts'
import { rollouts } from '../../src/record/rollouts.ts'
import { searchTraces } from '../../src/record/search-trace.ts'
import { manifestSchema } from '../../src/store/manifest.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'
import { wilson } from '../../src/statistics/estimate.ts'

const shapes = {
  search_trace: searchTraces,
  pivotal_tokens: pivotalTokens,
  dpo_pivotal: dpoPivotal,
  dpo_branch_text: dpoBranchText,
  rollouts,
}
export type SearchRow = Row<typeof searchTraces.columns>
export type PivotRow = Row<typeof pivotalTokens.columns>
export type PairRow = Row<typeof dpoPivotal.columns>
export type RolloutRow = Row<typeof rollouts.columns>

/** A row with plain values in every column, and those given. */
export function rowOf<T>(config: keyof typeof shapes, given: Partial<T>): T {
  const columns: Columns = shapes[config].columns
  const plain = Object.entries(columns).map(([name, { type, nullable }]) => [
    name,
    nullable ? null : plainValue(type),
  ])
  return { ...(Object.fromEntries(plain) as T), ...given }
}

function plainValue(type: ColumnType): unknown {
  if (type.kind === 'list') return []
  if (type.kind === 'string') return 'x'
  if (type.kind === 'bool') return false
  if (type.kind !== 'struct') return 0
  return Object.fromEntries(Object.entries(type.fields).map(([name, field]) => [name, plainValue(field)]))
}

const counts = { node: col.int32('tokens'), successes: col.int32('correct'), trials: col.int32('all') }
const figures = { low: col.double('share'), high: col.double('share') }
const launches = { launched: col.int32('rollouts'), forced_launched: col.int32('rollouts') }

/** Columns as they were before answers that were seen were kept from. */
const older: Columns = {
  nodes: col.list(col.struct({ ...counts, ...figures, ...launches }, 'node'), 'every node with rollouts'),
  banned_id: col.nullable(col.int32('token id')),
  given_id: col.nullable(col.int32('token id')),
}
const replaced: Readonly<Record<string, readonly string[]>> = {
  banned_ids: ['banned_id'],
  given_ids: ['given_id'],
  nodes: ['nodes'],
  known_before: [],
  known_after: [],
}

const olderColumns = (columns: Columns): Columns =>
  Object.fromEntries(
    Object.entries(columns).flatMap(([name, column]) =>
      (replaced[name] ?? [name]).map((one) => [one, older[one] ?? column] as const),
    ),
  )

/** A dataset on disk with the given rows, of before if asked for; a column named in `without` is not written. Gives its folder. */
export async function datasetOf(
  rows: Partial<Record<keyof typeof shapes, readonly object[]>>,
  { name = 'made', without = [] as readonly string[], old = false } = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fulcrum-explorer-'))
  const configs: Record<string, unknown> = {}
  for (const [config, given] of Object.entries(rows)) {
    const { columns: newer } = shapes[config as keyof typeof shapes]
    const all = Object.entries(old ? olderColumns(newer) : newer)
    const columns = Object.fromEntries(all.filter(([column]) => !without.includes(column)))
    const file = `data/${config}/train-00000-of-00001.parquet`
    await mkdir(join(folder, 'data', config), { recursive: true })
    const writer = await createParquetWriter(join(folder, file), { columns, metadata: {} })
    for (const row of given) await writer.write(row as Record<string, unknown>)
    const shard = { file, ...(await writer.close()) }
    const described = Object.entries(columns).map(([column, { type, nullable, meaning }]) => [
      column,
      { type: typeName(type), nullable, meaning },
    ])
    configs[config] = { rows: shard.rows, columns: Object.fromEntries(described) as object, shards: [shard] }
  }
  const nothing = { rows: 0, by_reason: [], shards: [] }
  const pipeline = { name, options: {}, config_sha256: '0'.repeat(64), stages: [] }
  const manifest = manifestSchema.parse({
    ...{ format: 'fulcrum-manifest/1', name, pipeline, seed: 3, versions: { fulcrum: '0.1.0', node: 'v20' } },
    ...{ models: [{ id: 'local:student@1' }], inputs: [], configs, removed: nothing, counters: {} },
  })
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return folder
}

/** A searched trace of `length` tokens whose rollouts were launched at every node. */
export function searchedTrace(number: number, length: number, given: Partial<SearchRow> = {}): SearchRow {
  const ids = Array.from({ length }, (_, i) => i)
  return rowOf<SearchRow>('search_trace', {
    ...{ question_id: `q${number}`, trace_id: `t${number}`, problem: `Problem ${number}?`, answer: '7' },
    ...{ trace_ids: ids, trace_tokens: ids.map((id) => ` word${id}`), on_policy: number % 2 === 0 },
    ...{
      logprobs: ids.map(() => -0.7),
      pruned: ids.map((id) => id % 2 === 1),
      mode: 'thorough',
      unit: 'token',
    },
    nodes: ids.map((node) => ({
      ...{ node, successes: 12, trials: 20, ...wilson({ successes: 12, trials: 20 }) },
      ...{ launched: 4, forced_launched: 1, value: 0.65, value_low: 0.55, value_high: 0.75 },
    })),
    spent: {
      ...{ search_rollouts: 5, confirm_rollouts: 3, pair_rollouts: 2, known_rollouts: 1 },
      ...{ tokens: 90, candidates: 4, stopped_by: '' },
    },
    ...given,
  })
}

/** Its pivotal token at `position`. */
export function pivotOf(number: number, position: number, given: Partial<PivotRow> = {}): PivotRow {
  return rowOf<PivotRow>('pivotal_tokens', {
    ...{ question_id: `q${number}`, trace_id: `t${number}`, query: `Problem ${number}?`, position },
    ...{
      prob_before: 0.5,
      prob_after: 0.8,
      prob_delta: 0.3,
      delta_low: 0.2,
      delta_high: 0.4,
      confirmed: true,
    },
    ...{
      n_before: 64,
      n_after: 64,
      unit_tokens: 1,
      trace_length: 10,
      logprob: -0.7,
      on_policy: number % 2 === 0,
    },
    ...given,
  })
}

/** A rollout of trace t0. */
export const rollout = (given: Partial<RolloutRow>): RolloutRow =>
  rowOf<RolloutRow>('rollouts', { question_id: 'q0', trace_id: 't0', verdict: 'different', ...given })

/** The same as datasets of before have it. */
export const olderRollout = ({ banned_id = null, given_id = null, ...given }: OlderRollout) => ({
  ...rollout(given),
  ...{ banned_ids: null, given_ids: null, banned_id, given_id },
})

interface OlderRollout extends Partial<RolloutRow> {
  readonly banned_id?: number | null
  readonly given_id?: number | null
}

const attack = `</script><script>document.title='owned'</script><!--<script><img src=x onerror="alert(1)">\u202Egnp\u0000`

/** A dataset with hostile text wherever a corpus, a model or a file can put it. */
export const hostileDataset = () =>
  datasetOf(
    {
      search_trace: [
        searchedTrace(0, 3, {
          ...{ problem: attack, answer: attack, trace_tokens: [attack, attack, '\n'], model_id: attack },
          ...{ sampler_fingerprint: attack, verifier_id: attack },
        }),
      ],
      pivotal_tokens: [pivotOf(0, 1, { estimator: attack, chosen_token: attack, rejected_token: attack })],
      rollouts: [rollout({ token_ids: [2, 1, 0] })],
    },
    { name: attack },
  )
