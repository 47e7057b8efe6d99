import { differenceEvidence } from '../../statistics/difference-test.ts'
import type { Interval } from '../../statistics/estimate.ts'
import type { Random } from '../../statistics/random.ts'
import { intervalOf, probability, type Side, worthAt } from '../../statistics/side.ts'
import { isCorrect, type RolloutProcess } from './rollouts.ts'
import { answerTo, launchOf } from './on-trace.ts'
import { askAfter } from './search/branching.ts'
import { boundsOf, Draws, nothing } from './search/draws.ts'
import { sideOf } from './search/evidence.ts'
import type { Leaves } from './search/leaves.ts'
import { rounding } from './search/published.ts'
import type { OtherToken } from './search/result.ts'

/** One token each side after the same prefix, with the values that certify them. */
export interface TokenPair {
  readonly chosenId: number
  readonly rejectedId: number
  readonly chosen: Side
  readonly rejected: Side
  /** Log e-value against equal success probabilities, nats; what was expected came from the search's rollouts. */
  readonly logEvidence: number
}

export interface PairQuestion {
  readonly traceIds: readonly number[]
  readonly position: number
  /** The token raises the success probability. */
  readonly raises: boolean
  /** Value after the trace's token, of fresh rollouts. */
  readonly after: Side
  /** Probability that the policy takes another token there. */
  readonly leave: number
  /** What else the policy drew there. */
  readonly others: readonly OtherToken[]
  readonly gap: number
  /** Fresh rollouts wanted after the other token, where nothing is known of it. */
  readonly rollouts: number
  readonly leaves: Leaves | null
  /** Id of the end token, and most tokens of an answer. */
  readonly eos: number
  readonly maxTokens: number
  readonly random: Random
}

/** The other side of a pivotal token: among the tokens the policy itself drew at the prefix, the one that promises the
 *  largest difference, certified by fresh rollouts of its own and those that took it by themselves. Null unless the two 95 %
 *  intervals are disjoint and the values differ by the gap at least. */
export async function certifyPair(
  question: PairQuestion,
  process: RolloutProcess,
): Promise<TokenPair | null> {
  const { traceIds, position, raises, after, gap } = question
  const tokenId = traceIds[position] as number
  const other = mostPromising(question)
  if (other === null) return null
  const value = await measured(question, other, process)
  const [chosen, rejected] = raises ? [after, value] : [value, after]
  if (probability(chosen) - probability(rejected) < gap - rounding) return null
  if (!above(intervalOf(chosen), intervalOf(rejected))) return null
  const [chosenId, rejectedId] = raises ? [tokenId, other.id] : [other.id, tokenId]
  return { chosenId, rejectedId, chosen, rejected, logEvidence: differenceEvidence(after, value, 0) }
}

const above = (upper: Interval, lower: Interval): boolean => upper.low > lower.high

/** Value after another token: fresh rollouts as many as are worth the wanted ones of which nothing is known. */
async function measured(
  { traceIds, position, rollouts, leaves, random, eos, maxTokens }: PairQuestion,
  { id, search, fresh }: OtherToken,
  process: RolloutProcess,
): Promise<Side> {
  // An answer that ends there has one verdict, and each of its draws has told it.
  if (id === eos) return Number([...search, ...fresh].some(({ successes }) => successes > 0))
  // Nothing may follow it: an answer that is cut off there has failed.
  if (position + 1 >= maxTokens) return 0
  const draws = new Draws(fresh)
  const known = leaves?.after(position, id) ?? nothing
  const range = 1 - known.all
  const missing = rollouts - worthAt(fresh, whole).worth
  const n = Math.max(0, Math.ceil(missing * range ** 2))
  const drawn = await Promise.all(
    askAfter(leaves, { position, token: id, n }, random).map(async ({ ask, unseen }) => {
      const { prefix, banned } = launchOf(ask, traceIds)
      const bought = await process.draw(prefix, ask.n, 'pair', banned)
      return { unseen, bought, rollouts: answerTo(ask, bought, traceIds) }
    }),
  )
  for (const { unseen, bought } of drawn)
    for (const one of bought) draws.add(isCorrect(one), unseen ? known : nothing)
  for (const one of drawn.flatMap((each) => each.rollouts)) leaves?.add(one)
  const seen = worthAt(search, whole)
  return sideOf(draws, boundsOf(leaves?.after(position, id) ?? nothing), seen)
}

const whole: Interval = { low: 0, high: 1 }

/** A token that the policy takes less often than this, of the times it takes another than the trace's, teaches little: forbidding
 *  the likely ones brings it up. Our choice. */
const leastShare = 0.05

/** Of the other first tokens that the policy takes now and then, the one with the best bound of one standard error on the wanted
 *  side; ties to the lower id. */
function mostPromising({
  traceIds,
  position,
  others,
  raises,
  leaves,
  leave,
}: PairQuestion): OtherToken | null {
  const isRare = ({ id }: OtherToken): boolean =>
    (leaves?.probabilityOf(position, id) ?? leave) < leastShare * leave
  const scored = others
    .filter((other) => other.id !== traceIds[position] && !isRare(other))
    .map((other) => {
      const { low, high } = intervalOf(other.value, 1)
      return { other, score: raises ? 1 - high : low }
    })
  scored.sort((a, b) => b.score - a.score || a.other.id - b.other.id)
  return scored[0]?.other ?? null
}
