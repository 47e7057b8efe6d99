import { equalSharesEValue, expectedShare } from '../../statistics/e-value.ts'
import { type Estimate, type Interval, share, wilson } from '../../statistics/estimate.ts'
import type { NodeSample, RolloutProcess } from './rollouts.ts'
import { rounding } from './search/published.ts'

/** One token each side after the same prefix, with the estimates that certify them. */
export interface TokenPair {
  readonly chosenId: number
  readonly rejectedId: number
  readonly chosen: Estimate
  readonly rejected: Estimate
  /** Against equal success probabilities, from the two estimates; what was expected came from the search's rollouts. */
  readonly eValue: number
}

export interface PairQuestion {
  readonly prefix: readonly number[]
  readonly tokenId: number
  /** Fresh estimate after prefix + token, and before it. */
  readonly after: Estimate
  readonly before: Estimate
  /** The search's own estimate after prefix + token. */
  readonly searchAfter: Estimate
  /** Rollouts from the prefix: what else the policy does there. */
  readonly samples: readonly NodeSample[]
  readonly gap: number
  readonly rollouts: number
}

/** The other side of a pivotal token: among the tokens the policy itself drew at the prefix, the one that promises the
 *  largest difference, certified by fresh rollouts of its own. Null unless the two 95 % Wilson intervals are disjoint
 *  and the values differ by the gap at least. */
export async function certifyPair(
  question: PairQuestion,
  process: RolloutProcess,
): Promise<TokenPair | null> {
  const { prefix, tokenId, after, before, gap, rollouts } = question
  const raises = share(after) > share(before)
  const other = mostPromising(question, raises)
  if (other === null) return null
  const value = (await process.sample([...prefix, other.id], rollouts, 'other token')).estimate
  const [chosen, rejected] = raises ? [after, value] : [value, after]
  if (share(chosen) - share(rejected) < gap - rounding || !above(wilson(chosen), wilson(rejected)))
    return null
  const [chosenId, rejectedId] = raises ? [tokenId, other.id] : [other.id, tokenId]
  const expected = [expectedShare(question.searchAfter), expectedShare(other.seen)] as const
  return { chosenId, rejectedId, chosen, rejected, eValue: equalSharesEValue([after, value], expected) }
}

const above = (upper: Interval, lower: Interval): boolean => upper.low > lower.high

/** Of the other first tokens, the one with the best one-sided Wilson bound on the wanted side; ties to the lower id. */
function mostPromising(
  { samples, tokenId }: PairQuestion,
  raises: boolean,
): { readonly id: number; readonly seen: Estimate } | null {
  const seen = new Map<number, { successes: number; trials: number }>()
  for (const { id, correct } of samples.flatMap(({ firsts }) => firsts)) {
    if (id === tokenId || id < 0) continue
    const entry = seen.get(id) ?? { successes: 0, trials: 0 }
    entry.trials++
    if (correct) entry.successes++
    seen.set(id, entry)
  }
  const scored = [...seen].map(([id, estimate]) => {
    const { low, high } = wilson(estimate, 1)
    return { id, seen: estimate, score: raises ? 1 - high : low }
  })
  scored.sort((a, b) => b.score - a.score || a.id - b.id)
  return scored[0] ?? null
}
