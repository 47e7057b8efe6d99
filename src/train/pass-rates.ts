import { FulcrumError } from '../errors.ts'
import { clusteredInterval, pairedDifference } from '../statistics/clustered.ts'
import type { Interval } from '../statistics/estimate.ts'
import { passAtK } from '../statistics/pass-at-k.ts'
import { signFlipExact } from '../statistics/sign-flip.ts'
import { lineChart } from './chart.ts'
import type { ProblemResult } from './evaluate.ts'

/** pass@k over problems. */
interface PassRate {
  readonly k: number
  readonly rate: number
  /** 95 %, clustered by problem; Wilson's where every problem has one completion. */
  readonly interval: Interval
}

/** Pass rates of some of the problems. */
export interface Group {
  /** `all`, or a column and its value, as `family=change`. */
  readonly name: string
  readonly problems: number
  readonly rates: readonly PassRate[]
}

/** Two models on the same problems. */
export interface Comparison extends Omit<Group, 'rates'> {
  /** pass@k after less before, with a 95 % interval that is normal over the pairs. */
  readonly differences: readonly {
    readonly k: number
    readonly difference: number
    readonly interval: Interval
  }[]
  /** Two-sided, exact: how likely so uneven a change of correct completions is if the models were exchangeable on every
   *  problem. McNemar's test with one completion a problem. */
  readonly p_value: number
}

/** pass@k of all problems, and of every value of the carried columns named (those of decontamination always are). */
export function passRates(
  results: readonly ProblemResult[],
  ks: readonly number[],
  by: readonly string[],
): Group[] {
  return groupsOf(results, by).map(({ name, members }) => ({
    name,
    problems: members.length,
    rates: ks.map((k) => passRate(members, k)),
  }))
}

function passRate(results: readonly ProblemResult[], k: number): PassRate {
  const values = results.map(({ passed }) => passAtK(passed, k))
  // Completions make so many draws of k that share none.
  const draws = results.reduce((sum, { passed }) => sum + Math.max(1, Math.floor(passed.trials / k)), 0)
  const rate = values.reduce((a, b) => a + b, 0) / values.length
  return { k, rate, interval: clusteredInterval(values, draws) }
}

/** What changed from one model to another, by group. */
export function compare(
  before: readonly ProblemResult[],
  after: readonly ProblemResult[],
  ks: readonly number[],
  by: readonly string[],
): Comparison[] {
  const was = new Map(before.map((result) => [result.id, result]))
  return groupsOf(after, by).map(({ name, members }) => {
    const pairs = members.map((now) => ({ now: now.passed, was: theSame(was.get(now.id), now).passed }))
    const differences = ks.map((k) => {
      const { mean, interval } = pairedDifference(
        pairs.map((pair) => passAtK(pair.now, k) - passAtK(pair.was, k)),
      )
      return { k, difference: mean, interval }
    })
    const p_value = signFlipExact(pairs.map((pair) => pair.now.successes - pair.was.successes))
    return { name, problems: members.length, differences, p_value }
  })
}

function theSame(before: ProblemResult | undefined, after: ProblemResult): ProblemResult {
  if (before !== undefined && before.passed.trials === after.passed.trials) return before
  throw new FulcrumError(
    'train',
    `Problem ${after.id} has ${after.passed.trials} completions after and ${before?.passed.trials ?? 'none'} before`,
    'Compare evaluations of the same problems and number of samples.',
  )
}

function groupsOf(
  results: readonly ProblemResult[],
  by: readonly string[],
): { name: string; members: ProblemResult[] }[] {
  const groups = [{ name: 'all', members: [...results] }]
  const found = ['decon_status', 'contaminated'].filter((name) =>
    results.some(({ carried }) => name in carried),
  )
  for (const column of new Set([...by, ...found])) {
    const values = [...new Set(results.map(({ carried }) => carried[column] ?? 'unknown'))].sort()
    for (const value of values) {
      const members = results.filter(({ carried }) => (carried[column] ?? 'unknown') === value)
      groups.push({ name: `${column}=${value}`, members })
    }
  }
  return groups
}

/** pass@k against k with its intervals as a standalone SVG, a line a model. */
export function passCurve(of: readonly { name: string; results: readonly ProblemResult[] }[]): string {
  const series = of.map(({ name, results }) => {
    const samples = Math.min(...results.map(({ passed }) => passed.trials))
    const ks = Array.from({ length: samples }, (_, i) => i + 1)
    const points = ks.map((k) => {
      const { rate, interval } = passRate(results, k)
      return { x: k, y: rate, ...interval }
    })
    return { name, points }
  })
  return lineChart(series, { title: 'pass@k against k', x: 'completions (k)', y: 'pass@k', range: [0, 1] })
}
