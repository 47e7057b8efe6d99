import { equalSharesEValue, expectedShare } from '../../statistics/e-value.ts'
import { type Estimate, type Interval, share, wilson } from '../../statistics/estimate.ts'
import { type Bought, isCorrect, type RolloutProcess } from './rollouts.ts'
import { rounding } from './search/published.ts'
import type { Rollout } from './search/source.ts'

/** One token each side after the same prefix, with the estimates that certify them. */
export interface TokenPair {
  readonly chosenId: number
  readonly rejectedId: number
  readonly chosen: Estimate
  readonly rejected: Estimate
  /** Against equal success probabilities, from the two estimates; what was expected came from the search's rollouts. */
  readonly eValue: number
  /** Rollouts after the other token. */
  readonly others: readonly Bought[]
}

export interface PairQuestion {
  readonly prefix: readonly number[]
  readonly tokenId: number
  /** The token raises the success probability. */
  readonly raises: boolean
  /** Fresh estimate after prefix + token, and the search's own. */
  readonly after: Estimate
  readonly searchAfter: Estimate
  /** Rollouts that left the trace at the token: those of the search, from which the other token is chosen, and fresh ones. */
  readonly others: { readonly search: readonly Rollout[]; readonly fresh: readonly Rollout[] }
  readonly gap: number
  /** Fresh rollouts wanted after the other token. */
  readonly rollouts: number
}

/** The other side of a pivotal token: among the tokens the policy itself drew at the prefix, the one that promises the
 *  largest difference, certified by fresh rollouts of its own and those that took it by themselves. Null unless the two 95 %
 *  Wilson intervals are disjoint and the values differ by the gap at least. */
export async function certifyPair(
  question: PairQuestion,
  process: RolloutProcess,
): Promise<TokenPair | null> {
  const { prefix, tokenId, raises, after, others, gap, rollouts } = question
  const other = mostPromising(question)
  if (other === null) return null
  const passing = others.fresh.filter(({ token }) => token === other.id)
  const wanted = Math.max(0, rollouts - passing.length)
  const drawn = await process.draw([...prefix, other.id], wanted, 'pair')
  const successes =
    passing.filter(({ correct }) => correct).length + drawn.filter((rollout) => isCorrect(rollout)).length
  const value = { successes, trials: passing.length + drawn.length }
  const [chosen, rejected] = raises ? [after, value] : [value, after]
  if (share(chosen) - share(rejected) < gap - rounding || !above(wilson(chosen), wilson(rejected)))
    return null
  const [chosenId, rejectedId] = raises ? [tokenId, other.id] : [other.id, tokenId]
  const expected = [expectedShare(question.searchAfter), expectedShare(other.seen)] as const
  const eValue = equalSharesEValue([after, value], expected)
  return { chosenId, rejectedId, chosen, rejected, eValue, others: drawn }
}

const above = (upper: Interval, lower: Interval): boolean => upper.low > lower.high

/** Of the other first tokens, the one with the best one-sided Wilson bound on the wanted side; ties to the lower id. */
function mostPromising({
  others,
  tokenId,
  raises,
}: PairQuestion): { readonly id: number; readonly seen: Estimate } | null {
  const seen = new Map<number, { successes: number; trials: number }>()
  for (const { token, correct } of others.search) {
    if (token === null || token === tokenId || token < 0) continue
    const entry = seen.get(token) ?? { successes: 0, trials: 0 }
    entry.trials++
    if (correct) entry.successes++
    seen.set(token, entry)
  }
  const scored = [...seen].map(([id, estimate]) => {
    const { low, high } = wilson(estimate, 1)
    return { id, seen: estimate, score: raises ? 1 - high : low }
  })
  scored.sort((a, b) => b.score - a.score || a.id - b.id)
  return scored[0] ?? null
}
