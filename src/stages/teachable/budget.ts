import { FulcrumError } from '../../errors.ts'

/** What a row promises: its column `teachable_score`, or how undecided its outcome is. */
export type GainName = 'uncertainty' | 'score'

export interface Budget {
  /** Rows that stay, at most. */
  readonly rows: number
  readonly gain: GainName
  /** Column that says what a row is about, and the largest share of the budget that one of its values may take. */
  readonly quota: { readonly column: string; readonly share: number } | null
}

/** Expected p (1 - p) of a row under the posterior of its pass rate from Jeffreys' prior: the variance of an outcome, which
 *  bounds what pivotal tokens a trace can have and what a group of rollouts can teach. Between 0 and 1/4. */
export function uncertaintyOf({
  successes,
  trials,
}: {
  readonly successes: number
  readonly trials: number
}): number {
  const [a, b] = [successes + 0.5, trials - successes + 0.5]
  return (a * b) / ((a + b) * (a + b + 1))
}

/** Of every row whether the budget has room for it: the highest gain first, of equals the earlier; a row whose domain has
 *  filled its quota makes room for the next. */
export function withinBudget(rows: readonly object[], { rows: most, gain, quota }: Budget): boolean[] {
  const each = rows.map((row, i) => ({ i, gain: gainOf(row, gain), domain: domainOf(row, quota) }))
  const ranked = each.sort((a, b) => b.gain - a.gain || a.i - b.i)
  const room = quota === null ? most : Math.ceil(quota.share * most)
  const taken = new Map<string, number>()
  const kept = rows.map(() => false)
  let left = most
  for (const { i, domain } of ranked) {
    const already = taken.get(domain) ?? 0
    if (left === 0 || already >= room) continue
    taken.set(domain, already + 1)
    kept[i] = true
    left--
  }
  return kept
}

/** All that is wrong with a budget at once. */
export function checkBudget({ rows, quota }: Budget): void {
  const wrong = [
    ...(Number.isInteger(rows) && rows >= 1 ? [] : [`a budget of ${rows} rows`]),
    ...(quota === null || (quota.share > 0 && quota.share <= 1) ? [] : [`a quota of ${quota.share}`]),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `Nothing can be selected with ${wrong.join(', ')}`,
    'Wanted: a whole number of rows from 1, a quota over 0 up to 1.',
  )
}

function gainOf(row: object, gain: GainName): number {
  const {
    teachable_score: score,
    n_rollouts: trials,
    pass_rate: rate,
  } = row as Partial<Record<string, number>>
  if (gain === 'score') return score ?? missing('teachable_score')
  if (trials === undefined || rate === undefined) return missing('pass_rate and n_rollouts')
  return uncertaintyOf({ successes: rate * trials, trials })
}

function domainOf(row: object, quota: Budget['quota']): string {
  if (quota === null) return ''
  const value = (row as Record<string, unknown>)[quota.column]
  return typeof value === 'string' ? value : JSON.stringify(value ?? null)
}

function missing(column: string): never {
  throw new FulcrumError(
    'data',
    `A row has no ${column}, by which the gain is measured`,
    'Put teachable (and teachableScore, for gain score) before the selection.',
  )
}
