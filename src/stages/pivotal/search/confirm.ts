import type { Beta } from '../../../statistics/beta.ts'
import { differenceEvidence, type Side } from '../../../statistics/difference-test.ts'
import { type Estimate, type Interval, wilson } from '../../../statistics/estimate.ts'
import { normalCdf } from '../../../statistics/normal.ts'
import { stratifiedChange } from '../../../statistics/stratified-change.ts'
import type { Belief } from './beliefs.ts'
import type { Link } from './chain.ts'
import type { Effort } from './effort.ts'
import type { Purse } from './purse.ts'
import type { Change } from './result.ts'
import type { Ask } from './source.ts'
import { Tally } from './tally.ts'

interface Confirmation {
  /** The search's rollouts: what to expect, and nothing else. */
  readonly searched: Tally
  readonly known: readonly Belief[]
  readonly verdict: boolean | null
  readonly gap: number
  readonly q: number
  readonly effort: Effort
  readonly purse: Purse
  readonly canForce: boolean
}

/** What fresh rollouts say of a link. */
export interface Tested {
  readonly k: number
  readonly fresh: Change
  readonly logEvidence: number
  readonly after: Estimate
  readonly other: Estimate
}

/** Fresh rollouts a side and round; a test ends early when its evidence would pass alone among all candidates and the
 *  change clearly reaches the gap, or when it hardly can. Ours, not from the paper. */
const [batch, least, clear] = [8, 32, 0.8]
/** A change of less than half the gap is a false discovery. */
const falseShare = 0.5
/** Search rollouts count as a prior of this many trials at most. */
const priorTrials = 8

/** Tests candidates on fresh rollouts, all in step. Each test is an e-process, so that it may stop when it likes; fresh
 *  rollouts serve every candidate they pass. */
export async function confirmLinks(of: Confirmation, candidates: readonly number[]) {
  const { searched, q, purse } = of
  const fresh = new Tally(searched.links)
  const needed = Math.log(candidates.length / q)
  let open = candidates
  while (open.length > 0) {
    const asks = open.flatMap((k) => asksFor(of, fresh, k))
    const rollouts = await purse.buy(asks)
    fresh.add(rollouts)
    if (rollouts.length === 0) break
    open = open.filter((k) => undecided(of, fresh, k, needed))
  }
  return { fresh, tested: candidates.map((k) => judge(of, fresh, k)) }
}

function undecided(of: Confirmation, fresh: Tally, k: number, needed: number): boolean {
  const {
    gap,
    effort: { confirm, hopeless },
  } = of
  const [after, other] = [sideAfter(of, fresh, k), fresh.left(k)]
  const enough = typeof after === 'number' || after.trials >= confirm
  if ((enough && other.trials >= confirm) || fresh.launched(linkOf(fresh, k).start) >= 8 * confirm)
    return false
  const leave = leaveOf(of, fresh, k)
  const [p, r] = [typeof after === 'number' ? exact(after) : smoothed(after), smoothed(other)]
  const error = leave.share * Math.sqrt(p.variance + r.variance)
  const reaches = normalCdf((leave.share * Math.abs(p.mean - r.mean) - gap) / error)
  if (reaches < hopeless) return false
  return other.trials < least || reaches < clear || evidence(of, fresh, k) < needed
}

/** The next rollouts of one test: as many that leave as that stay. Where leaving cannot be forced, or its probability is
 *  only bounded, rollouts are launched before the link until enough have left. */
function asksFor({ verdict, canForce, effort: { confirm } }: Confirmation, fresh: Tally, k: number): Ask[] {
  const { start, end, token, exact, leave } = linkOf(fresh, k)
  const last = end === (fresh.links.at(-1) as Link).start && verdict !== null
  const forced = canForce && token && exact
  const before = forced ? batch : Math.min(Math.ceil(batch / leave), 4 * batch)
  const staying = forced ? 0 : Math.floor(before * (1 - leave))
  const enough = last || fresh.at(end).trials >= confirm + batch
  const after = enough ? 0 : Math.max(0, batch - staying)
  return [
    { node: start, n: before, forced, purpose: 'confirm' },
    ...(after === 0 ? [] : [{ node: end, n: after, forced: false, purpose: 'confirm' } as const]),
  ]
}

function judge(of: Confirmation, fresh: Tally, k: number): Tested {
  const [after, other] = [sideAfter(of, fresh, k), sideOther(of, fresh, k)]
  const leave = leaveOf(of, fresh, k)
  const change =
    (typeof after === 'number' || after.trials > 0) && other.trials > 0
      ? stratifiedChange(after, other, leave.share, leave)
      : { delta: 0, low: -leave.high, high: leave.high }
  return {
    k,
    fresh: change,
    logEvidence: evidence(of, fresh, k),
    after: typeof after === 'number' ? { successes: after, trials: 1 } : after,
    other: fresh.left(k),
  }
}

/** Log e-value against a change of less than half the gap. */
function evidence(of: Confirmation, fresh: Tally, k: number): number {
  const { low } = leaveOf(of, fresh, k)
  return differenceEvidence(
    sideAfter(of, fresh, k),
    sideOther(of, fresh, k),
    Math.min(1, (falseShare * of.gap) / low),
  )
}

/** Value after the link: known at the end of a finished trace. */
function sideAfter(
  { verdict, known }: Confirmation,
  fresh: Tally,
  k: number,
): Exclude<Side, number> | number {
  const { end } = linkOf(fresh, k)
  if (end === (fresh.links.at(-1) as Link).start && verdict !== null) return verdict ? 1 : 0
  const { mean, worth } = (known[k] as Belief).after
  return { ...fresh.at(end), expected: expect(mean, Math.min(priorTrials, worth)) }
}

function sideOther({ searched }: Confirmation, fresh: Tally, k: number): Exclude<Side, number> {
  const { successes, trials } = searched.left(k)
  const mean = trials === 0 ? 0.5 : successes / trials
  return { ...fresh.left(k), expected: expect(mean, Math.min(priorTrials, trials)) }
}

const expect = (mean: number, trials: number): Beta => ({
  a: 0.5 + trials * mean,
  b: 0.5 + trials * (1 - mean),
})

/** 1 - Pi with its interval; of no width where it is exact. */
function leaveOf({ searched }: Confirmation, fresh: Tally, k: number): Interval & { readonly share: number } {
  const { exact, leave } = linkOf(fresh, k)
  if (exact) return { share: leave, low: leave, high: leave }
  const [a, b] = [searched.leaving(k), fresh.leaving(k)]
  const both = { successes: a.successes + b.successes, trials: a.trials + b.trials }
  const { low, high } = wilson(both)
  const share = Math.min(leave, (both.successes + 0.5) / (both.trials + 1))
  return { share, low: Math.min(low, share), high: Math.min(leave, Math.max(high, share)) }
}

const linkOf = (tally: Tally, k: number): Link => tally.links[k] as Link

const exact = (mean: number) => ({ mean, variance: 0 })

const smoothed = ({ successes, trials }: Estimate) => {
  const mean = (successes + 0.5) / (trials + 1)
  return { mean, variance: (mean * (1 - mean)) / (trials + 2) }
}
