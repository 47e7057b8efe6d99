import { FulcrumError } from '../errors.ts'
import { logPredictive, updated } from './beta.ts'
import { type Estimate, type Interval, share, wilson } from './estimate.ts'
import { jeffreysPrior } from './jeffreys.ts'

/** How a share is measured against a band, in steps. */
export interface RateRule {
  /** The band, its ends included. */
  readonly low: number
  readonly high: number
  /** Most trials. */
  readonly most: number
  /** Trials before the first look; `most` makes the number of trials fixed. */
  readonly first: number
  /** Trials end when the side seen now is the side after `most` trials but with this probability. */
  readonly doubt: number
}

/** Where a share lies. */
type Side = 'under' | 'inside' | 'over'

export interface SequentialRate {
  /** Numbers of trials after which it may stop: first x 1, 1.5, 2, 3, 4, 6, 8 ... and `most`. */
  readonly looks: readonly number[]
  readonly side: (estimate: Estimate) => Side
  /** Trials that the next step takes; 0 when it has stopped. */
  readonly more: (estimate: Estimate) => number
  /** 95 % interval that holds although the number of trials was decided by their outcomes. */
  readonly interval: (estimate: Estimate) => Interval
  /** Every way it can end, with its probability at true share p. */
  readonly ends: (p: number) => readonly (Estimate & { readonly probability: number })[]
}

/** Sequential measurement of a share by stochastic curtailment: at each look the side after all trials is predicted from
 *  Jeffreys' posterior (beta-binomial), and trials that would hardly change it are not bought (predictive probability
 *  designs, Lee and Liu 2008, Clinical Trials 5:93). So it errs as a fixed number `most` does, but for `doubt`. */
export function sequentialRate(rule: RateRule): SequentialRate {
  checkRule(rule)
  const { most, low, high, doubt } = rule
  const looks = looksOf(rule)
  const side = (estimate: Estimate): Side =>
    share(estimate) < low ? 'under' : share(estimate) > high ? 'over' : 'inside'
  const stops = looks.map((trials) =>
    Array.from({ length: trials + 1 }, (_, successes) => {
      const estimate = { successes, trials }
      return trials === most || chanceOfSide(estimate, most, side(estimate), side) >= 1 - doubt - rounding
    }),
  )
  const ends = endsOf(looks, stops)
  const intervals = new Map<string, Interval>()
  return {
    looks,
    side,
    more: ({ successes, trials }) => {
      const at = looks.indexOf(trials)
      if (trials > 0 && at < 0) throw notALook(trials, looks)
      if (at >= 0 && stops[at]?.[successes] === true) return 0
      return (looks[at + 1] as number) - trials
    },
    interval: (estimate) => {
      const key = `${estimate.successes}/${estimate.trials}`
      const known = intervals.get(key) ?? exactInterval(ends, estimate)
      intervals.set(key, known)
      return known
    },
    ends: (p) => ends.map(({ ...end }) => ({ ...end, probability: chanceOf(end, p) })),
  }
}

/** An outcome, and the number of orders of passes and failures that end there, as its logarithm. */
interface End extends Estimate {
  readonly logPaths: number
}

const chanceOf = ({ successes, trials, logPaths }: End, p: number): number => {
  if (p <= 0) return successes === 0 ? Math.exp(logPaths) : 0
  if (p >= 1) return successes === trials ? Math.exp(logPaths) : 0
  return Math.exp(logPaths + successes * Math.log(p) + (trials - successes) * Math.log1p(-p))
}

/** Of sums of probabilities: what is certain counts as certain without any doubt. */
const rounding = 1e-12

/** Largest cap: paths are counted in doubles, and C(1000, 500) is 2.7e299. */
const largest = 1000

function checkRule({ low, high, most, first, doubt }: RateRule): void {
  const wrong = [
    ...(low >= 0 && low <= high && high <= 1 ? [] : [`a band from ${low} to ${high}`]),
    ...(Number.isInteger(most) && most >= 1 && most <= largest ? [] : [`${most} trials at most`]),
    ...(Number.isInteger(first) && first >= 1 && first <= most ? [] : [`${first} trials first`]),
    ...(doubt >= 0 && doubt < 0.5 ? [] : [`doubt ${doubt}`]),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `A pass rate cannot be measured with ${wrong.join(', ')}`,
    `Wanted: 0 <= low <= high <= 1, trials up to ${largest}, the first no more than all, doubt from 0 and under 0.5.`,
  )
}

function looksOf({ first, most }: RateRule): number[] {
  const looks: number[] = []
  for (let doubled = first; doubled < most; doubled *= 2) {
    looks.push(doubled)
    const between = Math.ceil(doubled * 1.5)
    if (between < Math.min(most, 2 * doubled)) looks.push(between)
  }
  return [...looks, most]
}

/** Probability that the share after `most` trials lies on the wanted side. */
function chanceOfSide(
  { successes, trials }: Estimate,
  most: number,
  wanted: Side,
  side: (estimate: Estimate) => Side,
): number {
  const left = most - trials
  const belief = updated(jeffreysPrior, { successes, trials })
  const { a, b } = belief
  let chance = 0
  // Of the beta-binomial, from term to term.
  let logTerm = logPredictive(belief, { successes: 0, trials: left })
  for (let passes = 0; passes <= left; passes++) {
    if (side({ successes: successes + passes, trials: most }) === wanted) chance += Math.exp(logTerm)
    logTerm += Math.log(((left - passes) * (a + passes)) / ((passes + 1) * (b + left - passes - 1)))
  }
  return chance
}

/** All ends with their paths: those that went on at each look, spread over the trials of the next step. */
function endsOf(looks: readonly number[], stops: readonly (readonly boolean[])[]): End[] {
  const ends: End[] = []
  let going = new Float64Array([1])
  let before = 0
  for (const [at, trials] of looks.entries()) {
    const reached = new Float64Array(trials + 1)
    const step = binomials(trials - before)
    for (const [successes, paths] of going.entries()) {
      if (paths === 0) continue
      for (const [passes, ways] of step.entries())
        reached[successes + passes] = (reached[successes + passes] as number) + paths * ways
    }
    for (const [successes, paths] of reached.entries()) {
      if (paths === 0 || stops[at]?.[successes] !== true) continue
      ends.push({ successes, trials, logPaths: Math.log(paths) })
      reached[successes] = 0
    }
    going = reached
    before = trials
  }
  return ends
}

/** C(n, 0) to C(n, n). */
function binomials(n: number): number[] {
  const row = [1]
  for (let k = 0; k < n; k++) row.push(((row[k] as number) * (n - k)) / (k + 1))
  return row
}

/** Wilson's interval, widened to Buehler's exact limits (1957, JASA 52:482) over all ends of the design ordered by their
 *  Wilson limits: an end whose lower one is no lower than this end's has 2.5 % at the low limit, and likewise at the other.
 *  Wilson's alone covers 87 % at worst (test/bench/teachable.bench.ts). */
function exactInterval(ends: readonly End[], seen: Estimate): Interval {
  const plain = wilson(seen)
  const above = ends.filter((end) => wilson(end).low >= plain.low)
  const below = ends.filter((end) => wilson(end).high <= plain.high)
  const chance = (of: readonly End[], p: number): number => of.reduce((sum, end) => sum + chanceOf(end, p), 0)
  // Ends that are never likely, whatever p, have no such limit; Wilson's stays.
  const low = halve((p) => p < share(seen) && chance(above, p) < 0.025)
  const high = halve((p) => p < share(seen) || chance(below, p) >= 0.025)
  return { low: Math.min(plain.low, low), high: Math.max(plain.high, high) }
}

/** The p up to which a condition holds. */
function halve(holds: (p: number) => boolean): number {
  let [low, high] = [0, 1]
  for (let halving = 0; halving < 40; halving++) {
    const middle = (low + high) / 2
    if (holds(middle)) low = middle
    else high = middle
  }
  return (low + high) / 2
}

const notALook = (trials: number, looks: readonly number[]): FulcrumError =>
  new FulcrumError(
    'config',
    `A measurement that looks after ${looks.join(', ')} trials has ${trials}`,
    'Ask it for the number of trials of each step.',
  )
