import { decimal, signed, whole } from '../measured.ts'
import type { Fact, NodeFigures, TraceDetail, TraceLine } from './embedded.ts'
import { branchesOf, type Path, type Vocabulary } from './paths.ts'
import { pairDetail, pivotDetail } from './pivot.ts'
import type { RowOf } from './rows.ts'

/** What a dataset holds of one trace: a search with its pivotal tokens, the tokens alone, or pairs alone. */
export interface Found {
  readonly key: string
  readonly search: RowOf<'search_trace'> | null
  readonly rows: readonly RowOf<'pivotal_tokens'>[]
  readonly pairs: readonly RowOf<'dpo_pivotal'>[]
  readonly pivots: readonly { readonly delta: number }[]
}

export interface Around {
  readonly paths: readonly Path[]
  readonly branches: ReadonlyMap<string, { readonly chosen: string; readonly rejected: string }>
  readonly vocabulary: Vocabulary
}

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4

/** The trace as the list shows it. */
export function lineOf({ search, rows, pairs }: Found): TraceLine {
  const [row, pair] = [rows[0], pairs[0]]
  const problem = search?.problem ?? row?.query ?? pair?.metadata?.original_query ?? ''
  const spent = search?.spent ?? null
  return {
    question: search?.question_id ?? row?.question_id ?? pair?.question_id ?? '',
    problem: problem.slice(0, 200),
    onPolicy: search?.on_policy ?? row?.on_policy ?? null,
    length: search?.trace_tokens.length ?? row?.trace_length ?? pair?.trace_length ?? 0,
    rollouts: spent === null ? null : spent.search_rollouts + spent.confirm_rollouts + spent.pair_rollouts,
    pivots: [...rows, ...pairs].map((of) => [
      of.position,
      rounded(of.prob_delta),
      of.confirmed ? 1 : 0,
      'chosen' in of || of.chosen_token !== null ? 1 : 0,
    ]),
  }
}

/** The page of the trace. */
export function detailOf(found: Found, around: Around): TraceDetail {
  const { key, search, rows, pairs } = found
  const [row, pair] = [rows[0], pairs[0]]
  const tokens = search?.trace_tokens ?? row?.trace_tokens ?? null
  const ids = search?.trace_ids ?? row?.trace_ids ?? []
  const pieces = tokens === null ? piecesOf(pairs) : { tokens, positions: null }
  return {
    trace: search?.trace_id ?? row?.trace_id ?? pair?.trace_id ?? '',
    problem: search?.problem ?? row?.query ?? pair?.metadata?.original_query ?? '',
    answer: search?.answer ?? null,
    facts: search === null ? fewFacts(found) : factsOf(search, row?.pass_rate ?? null),
    ...pieces,
    logprobs: search?.logprobs?.map(rounded) ?? null,
    pruned: search?.pruned?.map((closed) => (closed ? 1 : 0)) ?? null,
    nodes: search?.nodes.map(nodeFigures) ?? [],
    weighed: search?.nodes.some(({ value }) => value !== null) ?? false,
    pivots: [
      ...rows.map((of) => pivotDetail(of, { key, tokens: tokens ?? [], ids, around })),
      ...pairs.map((of) => pairDetail(of, around.branches.get(`${key}/${of.position}`) ?? null)),
    ],
    branches: branchesOf(around.paths, ids.length, around.vocabulary),
  }
}

type Node = RowOf<'search_trace'>['nodes'][number]

const nodeFigures = (of: Node): NodeFigures => {
  const value = valueOf(of)
  return [
    ...([of.node, of.successes, of.trials, of.launched, of.forced_launched] as const),
    value === null ? null : rounded(value),
    rounded(of.value_low ?? of.low),
    rounded(of.value_high ?? of.high),
  ]
}

const valueOf = ({ value, successes, trials }: Node): number | null =>
  value ?? (trials === 0 ? null : successes / trials)

function factsOf(search: RowOf<'search_trace'>, passRate: number | null): Fact[] {
  const { spent, squared_change: squared, mode, unit, on_policy: own, nodes } = search
  const start = nodes.find(({ node }) => node === 0)
  const p = start === undefined ? null : valueOf(start)
  const bound = p === null ? '' : ` (martingale bound ${decimal(p * (1 - p))} on average)`
  return [
    ...(passRate === null ? [] : [['pass rate', decimal(passRate, 2)] as const]),
    ...(own === null ? [] : [authorship(own)]),
    ...(mode === null ? [] : [['search', `${mode}, by ${unit ?? 'token'}`] as const]),
    ...(spent === null ? [] : spentFacts(spent)),
    ...(squared === null ? [] : [['squared changes', `${decimal(squared)}${bound}`] as const]),
    ...told('policy', search.model_id),
    ...told('sampler', search.sampler_fingerprint),
    ...told('verifier', search.verifier_id),
  ]
}

function spentFacts(spent: NonNullable<RowOf<'search_trace'>['spent']>): Fact[] {
  const { search_rollouts: search, confirm_rollouts: confirm, pair_rollouts: pair } = spent
  const kinds = `${whole(search)} to search, ${whole(confirm)} to confirm, ${whole(pair)} for pairs`
  return [
    ['rollouts', `${kinds}; ${whole(spent.known_rollouts)} known before`],
    ['tokens decoded', whole(spent.tokens)],
    ['candidates', `${whole(spent.candidates)} left by log-probabilities`],
    ...(spent.stopped_by === '' ? [] : [['stopped by', spent.stopped_by] as const]),
  ]
}

const authorship = (own: boolean): Fact => [
  'written by',
  own ? 'the policy itself (on-policy)' : 'a teacher (off-policy)',
]

const told = (label: string, value: string | null): Fact[] => (value === null ? [] : [[label, value]])

function fewFacts({ rows, pairs }: Found): Fact[] {
  const [row] = rows
  const deltas = pairs.map(({ prob_delta: delta }) => signed(delta, 2)).join(', ')
  return [
    ...(row === undefined || row.pass_rate === null
      ? []
      : [['pass rate', decimal(row.pass_rate, 2)] as const]),
    ...(row === undefined || row.on_policy === null ? [] : [authorship(row.on_policy)]),
    ...told('policy', row?.model_id ?? pairs[0]?.model_id ?? null),
    ...(pairs.length === 0 ? [] : [['pairs', deltas] as const]),
  ]
}

/** Pairs alone know the text up to each of their tokens: prompts of one trace lie inside each other. A pair's token is what
 *  follows; after the last one that is not told, and both are shown. */
function piecesOf(pairs: readonly RowOf<'dpo_pivotal'>[]): {
  readonly tokens: readonly string[]
  readonly positions: readonly number[]
} {
  const sorted = pairs.toSorted((a, b) => a.position - b.position)
  const tokens: string[] = []
  const positions: number[] = []
  let done = 0
  sorted.forEach(({ prompt, position, chosen, rejected }, i) => {
    tokens.push(prompt.slice(done))
    positions.push(-1)
    const rest = sorted[i + 1]?.prompt.slice(prompt.length) ?? ''
    const taken = [chosen, rejected].find((token) => token !== '' && rest.startsWith(token)) ?? null
    tokens.push(taken ?? `${chosen} | ${rejected}`)
    positions.push(position)
    done = prompt.length + (taken?.length ?? 0)
  })
  return { tokens, positions }
}
