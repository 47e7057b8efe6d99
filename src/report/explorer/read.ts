import type { Counts, ExplorerIndex, TraceDetail } from './embedded.ts'
import { detailOf, type Found, lineOf } from './detail.ts'
import { type Path, pathOf, type Vocabulary } from './paths.ts'
import { tracesOfPairs } from './pairs-only.ts'
import { type Dataset, keyOf, type RowOf, rowsOf } from './rows.ts'

/** Everything a page shows. */
export interface ExplorerData {
  readonly index: ExplorerIndex
  /** Trace i of the index. */
  readonly details: readonly TraceDetail[]
}

interface Totals {
  traces: number
  tokens: number
  pruned: number | null
  readonly rollouts: { search: number; confirm: number; pair: number; known: number }
  told: boolean
}

/** Reads a dataset; of its traces those `most` with the largest changes are kept in memory. */
export async function readExplorer(dataset: Dataset, most: number): Promise<ExplorerData> {
  const totals = emptyTotals()
  const pivots = await pivotsByTrace(dataset)
  const vocabulary: Vocabulary = new Map()
  const found =
    dataset.manifest.configs.search_trace === undefined
      ? await withoutSearch(dataset, pivots, totals)
      : await searched(dataset, pivots, { totals, vocabulary, most })
  const kept = found.sort(byChange).slice(0, most)
  const branches = await branchTexts(dataset, new Set(kept.map(({ key }) => key)))
  const details = new Map(kept.map((one) => [one.key, detailOf(one, { paths: [], branches, vocabulary })]))
  for await (const [key, paths] of pathsByTrace(dataset, kept)) {
    const one = kept.find((trace) => trace.key === key)
    if (one !== undefined) details.set(key, detailOf(one, { paths, branches, vocabulary }))
  }
  const counts = countsOf(pivots, found, totals)
  return { index: { ...headOf(dataset), counts, traces: kept.map(lineOf) }, details: [...details.values()] }
}

const emptyTotals = (): Totals => ({
  ...{ traces: 0, tokens: 0, pruned: null, told: false },
  rollouts: { search: 0, confirm: 0, pair: 0, known: 0 },
})

function headOf({ manifest }: Dataset): Pick<ExplorerIndex, 'name' | 'note'> {
  const { seed, models, versions } = manifest
  const note = [`seed ${seed}`, ...models.map(({ id }) => id), `Fulcrum ${versions.fulcrum}`].join(' · ')
  return { name: manifest.name, note }
}

/** Those that were measured. Texts of whole traces are left out: they stand in search_trace. */
async function pivotsByTrace(dataset: Dataset): Promise<Map<string, RowOf<'pivotal_tokens'>[]>> {
  const pivots = new Map<string, RowOf<'pivotal_tokens'>[]>()
  const without = dataset.manifest.configs.search_trace === undefined ? [] : ['trace_ids', 'trace_tokens']
  for await (const row of rowsOf(dataset, 'pivotal_tokens', without)) {
    if (Number.isNaN(row.prob_delta)) continue
    const key = keyOf(row)
    const trace = pivots.get(key)
    if (trace === undefined) pivots.set(key, [row])
    // The tokens of a trace are the same in each of its rows.
    else trace.push({ ...row, trace_ids: null, trace_tokens: null })
  }
  return pivots
}

const largest = ({ pivots }: Found): number => Math.max(0, ...pivots.map(({ delta }) => Math.abs(delta)))
const byChange = (a: Found, b: Found): number => largest(b) - largest(a) || (a.key < b.key ? -1 : 1)

async function searched(
  dataset: Dataset,
  pivots: ReadonlyMap<string, readonly RowOf<'pivotal_tokens'>[]>,
  { totals, vocabulary, most }: { totals: Totals; vocabulary: Vocabulary; most: number },
): Promise<Found[]> {
  let kept: Found[] = []
  for await (const search of rowsOf(dataset, 'search_trace')) {
    const key = keyOf(search)
    const rows = pivots.get(key) ?? []
    add(totals, search)
    search.trace_ids.forEach((id, i) => vocabulary.set(id, search.trace_tokens[i] ?? ''))
    for (const row of rows) learn(row, vocabulary)
    kept.push({ key, search, rows, pairs: [], pivots: rows.map(({ prob_delta: delta }) => ({ delta })) })
    if (kept.length > 2 * most) kept = kept.sort(byChange).slice(0, most)
  }
  return kept
}

function add(totals: Totals, { trace_tokens: tokens, pruned, spent }: RowOf<'search_trace'>): void {
  totals.traces++
  totals.tokens += tokens.length
  if (pruned !== null) totals.pruned = (totals.pruned ?? 0) + pruned.filter(Boolean).length
  if (spent === null) return
  totals.told = true
  totals.rollouts.search += spent.search_rollouts
  totals.rollouts.confirm += spent.confirm_rollouts
  totals.rollouts.pair += spent.pair_rollouts
  totals.rollouts.known += spent.known_rollouts
}

function learn(row: RowOf<'pivotal_tokens'>, vocabulary: Vocabulary): void {
  if (row.chosen_token_id !== null) vocabulary.set(row.chosen_token_id, row.chosen_token ?? '')
  if (row.rejected_token_id !== null) vocabulary.set(row.rejected_token_id, row.rejected_token ?? '')
}

/** Datasets from before search_trace: what pivotal_tokens tells, or else dpo_pivotal. */
async function withoutSearch(
  dataset: Dataset,
  pivots: ReadonlyMap<string, readonly RowOf<'pivotal_tokens'>[]>,
  totals: Totals,
): Promise<Found[]> {
  const found = dataset.manifest.configs.pivotal_tokens === undefined ? await tracesOfPairs(dataset) : []
  for (const [key, rows] of pivots)
    found.push({
      key,
      search: null,
      rows,
      pairs: [],
      pivots: rows.map(({ prob_delta: delta }) => ({ delta })),
    })
  totals.traces = found.length
  return found
}

const certified = (row: RowOf<'pivotal_tokens'>): boolean => row.chosen_token !== null

function countsOf(
  pivots: ReadonlyMap<string, readonly RowOf<'pivotal_tokens'>[]>,
  found: readonly Found[],
  { traces, tokens, pruned, rollouts, told }: Totals,
): Counts {
  const rows = [...pivots.values()].flat()
  const pairs = found.flatMap((one) => one.pairs)
  return {
    traces,
    pivots: rows.length + pairs.length,
    confirmed: [...rows, ...pairs].filter(({ confirmed }) => confirmed).length,
    pairs: rows.filter(certified).length + pairs.length,
    tokens: tokens === 0 ? null : tokens,
    pruned,
    rollouts: told ? rollouts : null,
  }
}

/** Whole answers of the certified pairs, by trace and position. */
async function branchTexts(dataset: Dataset, wanted: ReadonlySet<string>) {
  const texts = new Map<string, { readonly chosen: string; readonly rejected: string }>()
  for await (const row of rowsOf(dataset, 'dpo_branch_text')) {
    const key = keyOf(row)
    if (wanted.has(key)) texts.set(`${key}/${row.position}`, row)
  }
  return texts
}

/** Rollouts of the kept traces; those of one trace come one after the other. */
async function* pathsByTrace(
  dataset: Dataset,
  kept: readonly Found[],
): AsyncGenerator<readonly [key: string, paths: readonly Path[]]> {
  const traces = new Map(kept.map(({ key, search }) => [key, search?.trace_ids ?? null]))
  let last = ''
  let paths: Path[] = []
  for await (const row of rowsOf(dataset, 'rollouts')) {
    const key = keyOf(row)
    const trace = traces.get(key) ?? null
    if (trace === null) continue
    if (key !== last && paths.length > 0) yield [last, paths]
    if (key !== last) paths = []
    last = key
    paths.push(pathOf(row, trace))
  }
  if (paths.length > 0) yield [last, paths]
}
