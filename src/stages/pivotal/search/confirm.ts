import { normalCdf } from '../../../statistics/normal.ts'
import type { Estimate } from '../../../statistics/estimate.ts'
import type { Belief } from './beliefs.ts'
import type { Effort } from './effort.ts'
import { evidence, type Expecting, judge, leaveOf, sideAfter, type Tested } from './evidence.ts'
import type { Purse } from './purse.ts'
import type { Ask } from './source.ts'
import { Tally } from './tally.ts'

interface Confirmation extends Expecting {
  readonly q: number
  readonly effort: Effort
  readonly purse: Purse
  readonly canForce: boolean
}

/** Fresh rollouts a side and round. A test ends early when its evidence would pass alone among all candidates and the
 *  change clearly reaches the gap. Ours, not from the paper. */
const [batch, clear] = [8, 0.8]

/** Tests candidates on fresh rollouts, the likeliest first, as many in step as the cap can see through. Each test is an
 *  e-process, so that it may stop when it likes; fresh rollouts serve every candidate they pass. */
export async function confirmLinks(
  of: Confirmation,
  candidates: readonly number[],
): Promise<{ readonly fresh: Tally; readonly tested: readonly Tested[] }> {
  const { searched, known, q, purse } = of
  const fresh = new Tally(searched.links)
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
  return { fresh, tested: candidates.map((k) => judge(of, fresh, k)) }
}

function undecided(of: Confirmation, fresh: Tally, k: number, needed: number): boolean {
  const { gap, effort } = of
  const { confirm, hopeless } = effort
  const [after, other] = [sideAfter(of, fresh, k), fresh.left(k)]
  const enough = typeof after === 'number' || after.trials >= confirm
  if ((enough && other.trials >= confirm) || fresh.launched(fresh.link(k).start) >= 8 * confirm) return false
  // Where hardly any rollout leaves, the log-probabilities were wrong or a weak bound: nothing changes much there.
  if (other.trials < batch) return fresh.launched(fresh.link(k).start) < 32 * batch
  const leave = leaveOf(of, fresh, k)
  const [p, r] = [typeof after === 'number' ? exactly(after) : smoothed(after), smoothed(other)]
  const error = leave.share * Math.sqrt(p.variance + r.variance)
  const reaches = normalCdf((leave.share * Math.abs(p.mean - r.mean) - gap) / error)
  if (reaches < hopeless) return false
  return other.trials < effort.leastConfirm || reaches < clear || evidence(of, fresh, k) < needed
}

/** The next rollouts of one test: as many that leave as that stay. Where leaving cannot be forced, or its probability is
 *  only bounded, rollouts are launched before the link until enough have left. */
function asksFor({ verdict, canForce, effort }: Confirmation, fresh: Tally, k: number): Ask[] {
  const { start, end, token, exact, leave } = fresh.link(k)
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

const exactly = (mean: number) => ({ mean, variance: 0 })

const smoothed = ({ successes, trials }: Estimate) => {
  const mean = (successes + 0.5) / (trials + 1)
  return { mean, variance: (mean * (1 - mean)) / (trials + 2) }
}
