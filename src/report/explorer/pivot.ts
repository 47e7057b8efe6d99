import { wilson } from '../../statistics/estimate.ts'
import { decimal, signed } from '../measured.ts'
import type { Around } from './detail.ts'
import type { Example, Fact, PivotDetail, Side } from './embedded.ts'
import { examplesAt } from './paths.ts'
import type { RowOf } from './rows.ts'

type PivotRow = RowOf<'pivotal_tokens'>

interface Place {
  readonly key: string
  readonly tokens: readonly string[]
  readonly ids: readonly number[]
  readonly around: Around
}

const contextTokens = 24

/** A pivotal token; its two ways on are the certified pair, or else the trace's token against all others. */
export function pivotDetail(row: PivotRow, place: Place): PivotDetail {
  const { position, prob_before: before, prob_after: after, prob_delta: delta } = row
  const span = row.unit_tokens ?? 1
  const { tokens } = place
  const own = ownSide(row, span, place)
  const others = othersSide(row, span, place)
  const paired = row.chosen_token !== null && row.rejected_token !== null
  const [better, worse] = paired ? pairSides(row, place) : delta > 0 ? [own, others] : [others, own]
  return {
    ...{ position, span, before, after, delta, paired, better, worse },
    ...{ low: row.delta_low, high: row.delta_high, confirmed: row.confirmed },
    context: tokens.slice(Math.max(0, position - contextTokens), position).join(''),
    token: tokens.slice(position, position + span).join(''),
    facts: factsOf(row),
  }
}

function ownSide(row: PivotRow, span: number, { tokens, ids, around }: Place): Side {
  const { position: at, prob_after: p, n_after: trials } = row
  const end = at + span
  return {
    token: tokens.slice(at, end).join(''),
    which: 'own',
    // The verdict of a finished answer is known.
    ...share(p, trials, row.known_after ?? (end === tokens.length ? 1 : null)),
    logprob: row.logprob,
    examples: examplesAt(around.paths, ids, { at, end, token: 'own' }, around.vocabulary),
  }
}

/** How the policy fares with any other token is not in a row; from prob_before and the own token's probability it follows:
 *  before = mu after + (1 - mu) others. */
function othersSide(row: PivotRow, span: number, { ids, around }: Place): Side | null {
  const { position: at, logprob, prob_before: before, prob_after: after, n_before: trials } = row
  if (logprob === null || row.logprob_is_lower_bound === true || logprob > -1e-6) return null
  const mu = Math.exp(logprob)
  const p = Math.min(1, Math.max(0, (before - mu * after) / (1 - mu)))
  const end = at + span
  return {
    token: '',
    which: 'others',
    ...share(p, trials, row.known_before),
    logprob: Math.log1p(-mu),
    examples: examplesAt(around.paths, ids, { at, end, token: 'others' }, around.vocabulary),
  }
}

/** What is known has no error. The rest is off by no more than all of it (half of it, where the middle stands for want of trials),
 *  nor by more than as many trials of a half are (the widest): how much was known when they were drawn is not in a row. */
function share(
  p: number,
  trials: number | null,
  known: number | null,
): Pick<Side, 'p' | 'low' | 'high' | 'trials' | 'known'> {
  const n = trials ?? 0
  if (known === null || known === 0)
    return { p, ...wilson({ successes: Math.round(p * n), trials: n }), trials: n, known }
  const { low, high } = wilson({ successes: n / 2, trials: n })
  const error = n === 0 ? (1 - known) / 2 : Math.min(1 - known, (high - low) / 2)
  return { p, low: Math.max(0, p - error), high: Math.min(1, p + error), trials: n, known }
}

function pairSides(row: PivotRow, { key, tokens, ids, around }: Place): readonly [Side, Side] {
  const { position: at } = row
  const branch = around.branches.get(`${key}/${at}`)
  const side = (better: boolean): Side => {
    const [id, token, whole] = better
      ? [row.chosen_token_id, row.chosen_token, branch?.chosen]
      : [row.rejected_token_id, row.rejected_token, branch?.rejected]
    const which = id === null ? token === tokens[at] : id === ids[at]
    const examples = examplesAt(
      around.paths,
      ids,
      { at, end: at + 1, token: which ? 'own' : (id ?? -1) },
      around.vocabulary,
    )
    const first: readonly Example[] = whole === undefined ? [] : [[better ? 1 : 0, whole]]
    return {
      token: token ?? '',
      which: which ? 'own' : 'other',
      ...(better ? chosenFigures(row) : rejectedFigures(row)),
      known: which ? row.known_after : row.known_before && 'untold',
      examples: first.concat(examples.filter(([, text]) => text !== whole)),
    }
  }
  return [side(true), side(false)]
}

type Figures = Pick<Side, 'p' | 'low' | 'high' | 'trials' | 'logprob'>

const chosenFigures = (row: PivotRow): Figures => ({
  p: row.prob_chosen ?? 0,
  low: row.prob_chosen_low ?? 0,
  high: row.prob_chosen_high ?? 1,
  trials: row.n_chosen ?? 0,
  logprob: row.logprob_chosen,
})

const rejectedFigures = (row: PivotRow): Figures => ({
  p: row.prob_rejected ?? 0,
  low: row.prob_rejected_low ?? 0,
  high: row.prob_rejected_high ?? 1,
  trials: row.n_rejected ?? 0,
  logprob: row.logprob_rejected,
})

/** A pair without the row of its pivotal token. */
export function pairDetail(
  row: RowOf<'dpo_pivotal'>,
  branch: { readonly chosen: string; readonly rejected: string } | null,
): PivotDetail {
  const side = (
    token: string,
    figures: Omit<Side, 'token' | 'which' | 'known' | 'examples'>,
    text: Example[],
  ): Side => ({
    ...{ token, which: 'other', known: null, ...figures, examples: text },
  })
  return {
    ...{ position: row.position, span: 1, context: row.prompt.slice(-160), token: row.chosen, paired: true },
    ...{ before: row.prob_rejected, after: row.prob_chosen, delta: row.prob_delta },
    ...{ low: row.delta_low, high: row.delta_high, confirmed: row.confirmed },
    facts: [
      ['change', 'of the chosen token against the rejected one'],
      ['before either', decimal(row.prob_before, 2)],
      ...(row.e_value === null ? [] : [['e-value', row.e_value.toPrecision(2)] as const]),
    ],
    better: side(
      row.chosen,
      {
        ...{ p: row.prob_chosen, low: row.prob_chosen_low, high: row.prob_chosen_high },
        ...{ trials: row.n_chosen, logprob: row.logprob_chosen },
      },
      branch === null ? [] : [[1, branch.chosen]],
    ),
    worse: side(
      row.rejected,
      {
        ...{ p: row.prob_rejected, low: row.prob_rejected_low, high: row.prob_rejected_high },
        ...{ trials: row.n_rejected, logprob: row.logprob_rejected },
      },
      branch === null ? [] : [[0, branch.rejected]],
    ),
  }
}

function factsOf(row: PivotRow): Fact[] {
  const { logprob, logprob_is_lower_bound: bounded, entropy, is_greedy: greedy, e_value: e } = row
  const nats = (value: number): string => `${decimal(value, 2)} nats`
  const { known_before: before, known_after: after } = row
  const part = (known: number): string =>
    known === 1 ? 'all' : known > 0.995 ? 'over .99' : decimal(known, 2)
  return [
    ...(before === null || after === null
      ? []
      : [['known exactly', `${part(before)} after other tokens, ${part(after)} after it`] as const]),
    ...(row.search_delta === null ? [] : [['search saw', signed(row.search_delta, 2)] as const]),
    ...(e === null ? [] : [['e-value', e.toPrecision(2)] as const]),
    ...(logprob === null
      ? []
      : [['surprisal', `${bounded === true ? 'at most ' : ''}${nats(-logprob)}`] as const]),
    ...(entropy === null ? [] : [['entropy there', nats(entropy)] as const]),
    ...(greedy === null ? [] : [['likeliest token', greedy ? 'yes' : 'no'] as const]),
    ...(row.estimator === null ? [] : [['estimator', row.estimator] as const]),
  ]
}
