import type { Beta } from '../../../statistics/beta.ts'
import { differenceEvidence, type Side } from '../../../statistics/difference-test.ts'
import { type Estimate, type Interval, wilson } from '../../../statistics/estimate.ts'
import { stratifiedChange } from '../../../statistics/stratified-change.ts'
import type { Belief } from './beliefs.ts'
import type { Change } from './result.ts'
import type { Tally } from './tally.ts'

/** What the search's rollouts lead one to expect of fresh ones. They are priors here, and nothing else. */
export interface Expecting {
  readonly searched: Tally
  readonly known: readonly Belief[]
  readonly verdict: boolean | null
  readonly gap: number
}

/** What fresh rollouts say of a link. */
export interface Tested {
  readonly k: number
  readonly fresh: Change
  readonly logEvidence: number
  readonly after: Estimate
  readonly other: Estimate
}

/** A change of less than half the gap is a false discovery. */
const falseShare = 0.5
/** Search rollouts count as a prior of this many trials at most. */
const priorTrials = 8

/** The change over link k with its confidence sequence, and the evidence for it. */
export function judge(of: Expecting, fresh: Tally, k: number): Tested {
  const [after, other] = [sideAfter(of, fresh, k), sideOther(of, fresh, k)]
  const leave = leaveOf(of, fresh, k)
  const drawn = (typeof after === 'number' || after.trials > 0) && other.trials > 0
  const change = drawn
    ? stratifiedChange(after, other, leave.share, leave)
    : { delta: 0, low: -leave.high, high: leave.high }
  return {
    k,
    fresh: change,
    logEvidence: evidence(of, fresh, k),
    after: typeof after === 'number' ? { successes: after, trials: 1 } : fresh.at(fresh.link(k).end),
    other: fresh.left(k),
  }
}

/** Log e-value against a change of less than half the gap. */
export function evidence(of: Expecting, fresh: Tally, k: number): number {
  const most = (falseShare * of.gap) / leaveOf(of, fresh, k).low
  return differenceEvidence(sideAfter(of, fresh, k), sideOther(of, fresh, k), Math.min(1, most))
}

/** Value after the link: known at the end of a finished trace. */
export function sideAfter({ verdict, known }: Expecting, fresh: Tally, k: number): Side {
  const { end } = fresh.link(k)
  if (end === fresh.length && verdict !== null) return verdict ? 1 : 0
  const { mean, worth } = (known[k] as Belief).after
  return { ...fresh.at(end), expected: expect(mean, worth) }
}

/** 1 - Pi with its interval; of no width where it is exact. */
export function leaveOf(
  { searched }: Expecting,
  fresh: Tally,
  k: number,
): Interval & { readonly share: number } {
  const { exact, leave } = fresh.link(k)
  if (exact) return { share: leave, low: leave, high: leave }
  const [a, b] = [searched.leaving(k), fresh.leaving(k)]
  const both = { successes: a.successes + b.successes, trials: a.trials + b.trials }
  const { low, high } = wilson(both)
  const share = Math.min(leave, (both.successes + 0.5) / (both.trials + 1))
  return { share, low: Math.min(low, share), high: Math.min(leave, Math.max(high, share)) }
}

function sideOther({ searched }: Expecting, fresh: Tally, k: number): Exclude<Side, number> {
  const { successes, trials } = searched.left(k)
  return { ...fresh.left(k), expected: expect(trials === 0 ? 0.5 : successes / trials, trials) }
}

/** Jeffreys' prior with a share seen elsewhere. */
function expect(share: number, trials: number): Beta {
  const weight = Math.min(priorTrials, trials)
  return { a: 0.5 + weight * share, b: 0.5 + weight * (1 - share) }
}
