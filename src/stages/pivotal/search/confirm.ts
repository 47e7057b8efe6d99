import { normalCdf } from '../../../statistics/normal.ts'
import {
  boundsOf,
  partsOf,
  probability,
  rangeOf,
  type Side,
  trialsOf,
  worthAt,
} from '../../../statistics/side.ts'
import type { Random } from '../../../statistics/random.ts'
import { askToLeave, askToStay } from './branching.ts'
import type { Belief } from './beliefs.ts'
import type { Effort } from './effort.ts'
import {
  evidence,
  type Expecting,
  isTested,
  judge,
  leaveOf,
  sideAfter,
  sideOther,
  type Tested,
  untested,
} from './evidence.ts'
import type { Purse } from './purse.ts'
import type { Ask } from './source.ts'
import { Tally } from './tally.ts'

interface Confirmation extends Expecting {
  readonly q: number
  readonly effort: Effort
  readonly purse: Purse
  readonly canForce: boolean
  readonly random: Random
}

/** Fresh rollouts a side and round. A test ends early when its evidence would pass alone among all candidates and the
 *  change clearly reaches the gap. Ours, not from the paper. */
const batch = 8

/** Fresh rollouts of a side, however much of it is known; and how sure that the change reaches the gap ends a test. */
const [fewest, clear] = [2, 0.8]

/** Tests candidates on fresh rollouts, the likeliest first, as many in step as the cap can see through. Each test is an
 *  e-process, so that it may stop when it likes; fresh rollouts serve every candidate they pass. */
export async function confirmLinks(
  of: Confirmation,
  candidates: readonly number[],
): Promise<{ readonly fresh: Tally; readonly tested: readonly Tested[] }> {
  const { searched, known, q, purse } = of
  const fresh = new Tally(searched.links, of.verdict, searched.leaves)
  const needed = Math.log(candidates.length / q)
  const promise = (k: number): number => (known[k] as Belief).pivotal
  let open = candidates.toSorted((a, b) => promise(b) - promise(a) || a - b)
  while (open.length > 0) {
    const together = Math.max(1, Math.floor(purse.left / (2 * of.effort.leastConfirm)))
    const asks = open.slice(0, together).flatMap((k) => asksFor(of, fresh, k))
    const rollouts = await purse.buy(asks)
    fresh.add(rollouts)
    if (rollouts.length === 0) break
    open = open.filter((k) => undecided(of, fresh, k, needed))
  }
  const tested = candidates.map((k) => (isTested(of, fresh, k) ? judge(of, fresh, k) : untested(of, k)))
  return { fresh, tested }
}

function undecided(of: Confirmation, fresh: Tally, k: number, needed: number): boolean {
  const { gap, effort } = of
  const { confirm, hopeless } = effort
  const [after, other] = [sideAfter(of, fresh, k), sideOther(of, fresh, k)]
  const enough = [after, other].every((side) => isEnough(side, confirm))
  if (enough || fresh.launched(fresh.link(k).start) >= 8 * confirm) return false
  // Where hardly any rollout leaves, the log-probabilities were wrong or a weak bound: nothing changes much there.
  if (rangeOf(other) > 0 && trialsOf(other) < first(other))
    return fresh.launched(fresh.link(k).start) < 32 * batch
  const leave = leaveOf(of, fresh, k)
  const [p, r] = [smoothed(after), smoothed(other)]
  const error = leave.share * Math.sqrt(p.variance + r.variance)
  const reaches = normalCdf((leave.share * Math.abs(p.mean - r.mean) - gap) / error)
  if (reaches < hopeless) return false
  return (
    !isMeasured(other, effort) ||
    !isMeasured(after, effort) ||
    reaches < clear ||
    evidence(of, fresh, k) < needed
  )
}

const first = (side: Side): number => Math.max(1, Math.round(batch * rangeOf(side)))

const isEnough = (side: Side, most: number): boolean => rangeOf(side) === 0 || trialsOf(side) >= most

/** Fresh draws say as much as the fewest that a side takes of which nothing is known. */
function isMeasured(side: Side, { leastConfirm }: Effort): boolean {
  if (rangeOf(side) === 0) return true
  return trialsOf(side) >= fewest && worthAt(partsOf(side), { low: 0, high: 1 }).worth >= leastConfirm
}

/** The next rollouts of one test: as many that leave as that stay. Where leaving cannot be forced, or its probability is
 *  only bounded, rollouts are launched before the link until enough have left. */
function asksFor(of: Confirmation, fresh: Tally, k: number): Ask[] {
  const { verdict, canForce, effort, searched } = of
  const { start, end, token, exact, leave } = fresh.link(k)
  if (searched.leaves !== null) return unseenAsks(of, fresh, k)
  const last = end === fresh.length && verdict !== null
  const forced = canForce && token && exact
  const before = forced ? batch : Math.min(Math.ceil(batch / leave), 4 * batch)
  const staying = forced ? 0 : Math.floor(before * (1 - leave))
  const enough = last || fresh.at(end).trials >= effort.confirm + batch
  const after = enough ? 0 : Math.max(0, batch - staying)
  return [
    { node: start, n: before, forced, purpose: 'confirm' },
    ...(after === 0 ? [] : [{ node: end, n: after, forced: false, purpose: 'confirm' } as const]),
  ]
}

/** Of answers not seen yet: the sides that are known best take fewest. */
function unseenAsks(of: Confirmation, fresh: Tally, k: number): Ask[] {
  const { random, effort } = of
  const { start, end } = fresh.link(k)
  const [after, other] = [sideAfter(of, fresh, k), sideOther(of, fresh, k)]
  const ask = { purpose: 'confirm' } as const
  const left = isEnough(other, effort.confirm) ? 0 : first(other)
  const stay = isEnough(after, effort.confirm) ? 0 : first(after)
  return [
    ...askToLeave(fresh, k, { ...ask, node: start, n: left, forced: true }, random),
    ...askToStay(fresh, { ...ask, node: end, n: stay, forced: false }, random),
  ]
}

const smoothed = (side: Side) => {
  const bounds = boundsOf(side)
  const range = bounds.high - bounds.low
  if (range === 0) return { mean: bounds.low, variance: 0 }
  const { worth } = worthAt(partsOf(side), bounds)
  const mean = (((probability(side) - bounds.low) / range) * worth + 0.5) / (worth + 1)
  return { mean: bounds.low + range * mean, variance: (range ** 2 * (mean * (1 - mean))) / (worth + 2) }
}
