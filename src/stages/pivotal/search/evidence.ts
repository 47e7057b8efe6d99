import type { Beta } from '../../../statistics/beta.ts'
import { differenceEvidence, differenceSequence } from '../../../statistics/difference-test.ts'
import type { Interval } from '../../../statistics/estimate.ts'
import { narrowest, probability, type Side, trialsOf, worthAt } from '../../../statistics/side.ts'
import { stratifiedChange } from '../../../statistics/stratified-change.ts'
import type { Belief, Expected } from './beliefs.ts'
import { boundsOf, type Draws } from './draws.ts'
import type { Change } from './result.ts'
import { Tally } from './tally.ts'

/** What the search's rollouts lead one to expect of fresh ones. They are priors here, and nothing else. */
export interface Expecting {
  readonly searched: Tally
  readonly known: readonly Belief[]
  readonly verdict: boolean | null
  readonly gap: number
}

/** Where bounds alone exclude a hypothesis, its e-value is without limit; a file wants a number. */
export const eValueOf = (logEvidence: number): number => Math.exp(Math.min(logEvidence, 690))

/** What fresh rollouts say of a link. */
export interface Tested {
  readonly k: number
  readonly fresh: Change
  readonly logEvidence: number
  readonly after: Side
  readonly other: Side
  readonly probAfter: number
}

/** A change of less than half the gap is a false discovery. */
const falseShare = 0.5
/** Search rollouts count as a prior of this many trials at most. */
const priorTrials = 8
/** Of a value that is known, a number for what it is worth. */
const mostWorth = 1e6

/** The change over link k with its confidence sequence, and the evidence for it. */
export function judge(of: Expecting, fresh: Tally, k: number): Tested {
  const [after, other] = [sideAfter(of, fresh, k), sideOther(of, fresh, k)]
  const leave = leaveOf(of, fresh, k)
  return {
    ...{ k, after, other, probAfter: probability(after) },
    fresh: stratifiedChange(after, other, leave.share, leave),
    logEvidence: evidence(of, fresh, k),
  }
}

/** Fresh rollouts, or what is known, say something of both sides of link k. */
export function isTested(of: Expecting, fresh: Tally, k: number): boolean {
  const sides = [sideAfter(of, fresh, k), sideOther(of, fresh, k)]
  return sides.every((side) => typeof side === 'number' || trialsOf(side) > 0)
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
  return sideOf(fresh.at(end), fresh.boundsAt(end), (known[k] as Belief).after)
}

/** Value of leaving the link. */
export const sideOther = ({ known }: Expecting, fresh: Tally, k: number): Side =>
  sideOf(fresh.left(k), boundsOf(fresh.known(k)), (known[k] as Belief).leaving)

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
  const { low, high } = differenceSequence({ ...both, expected: { a: 0.5, b: 0.5 } }, 0, 0.025)
  const share = Math.min(leave, (both.successes + 0.5) / (both.trials + 1))
  return { share, low: Math.min(low, share), high: Math.min(leave, Math.max(high, share)) }
}

/** Draws with what was expected of each part of them: what the search saw, and the parts before it. `now` are the bounds of
 *  now. Draws count even where all has become known since: without them the evidence could only have gone up. */
export function sideOf({ parts }: Draws, now: Interval, { mean, worth }: Expected): Side {
  const middle = (now.low + now.high) / 2
  const isKnown = now.high - now.low < narrowest
  if (isKnown && parts.length === 0) return middle
  const bounds = isKnown ? { low: middle, high: middle } : now
  const weight = Math.min(worth, mostWorth)
  const before = [{ successes: mean * weight, trials: weight }]
  const trials = parts.map((part, i) => {
    const seen = worthAt([...before, ...parts.slice(0, i)], part.within)
    return { ...part, expected: expect(seen.mean, seen.worth) }
  })
  return [...trials, { successes: 0, trials: 0, within: bounds, expected: expect(0.5, 0) }]
}

/** Jeffreys' prior with a share seen elsewhere. */
function expect(share: number, trials: number): Beta {
  const weight = Math.min(priorTrials, trials)
  return { a: 0.5 + weight * share, b: 0.5 + weight * (1 - share) }
}

/** A candidate of which no fresh rollouts tell enough: as the search sees it, with the confidence sequence of the search's own
 *  draws on both sides. It was selected by these, and is never confirmed. */
export function untested(of: Expecting, k: number): Tested {
  const { searched, known, verdict } = of
  const { end } = searched.link(k)
  const nothing = { mean: 0.5, worth: 0 }
  const ends = end === searched.length && verdict !== null
  const after = ends ? Number(verdict) : sideOf(searched.at(end), searched.boundsAt(end), nothing)
  const other = sideOf(searched.left(k), boundsOf(searched.known(k)), nothing)
  const leave = leaveOf(of, new Tally(searched.links), k)
  const { low, high } = stratifiedChange(after, other, leave.share, leave)
  const { delta, after: believedAfter } = known[k] as Belief
  return {
    ...{ k, after, other, logEvidence: 0, probAfter: believedAfter.mean },
    fresh: { delta, low: Math.min(low, delta), high: Math.max(high, delta) },
  }
}

/** What the search believes, with two standard errors. */
export const believed = ({ delta, error }: Belief): Change => ({
  delta,
  low: delta - 1.96 * error,
  high: delta + 1.96 * error,
})
