/** The gate of pass rates on simulated problems: rollouts it takes against a fixed number, at the same share of problems put
 *  on the wrong side of the band, near its edges and in all; and how often its intervals hold the truth.
 *  `npm run bench:teachable`. Populations: U-shaped, as benchmarks are for a model (most problems hopeless or trivial),
 *  Beta(.3, .3) by its quantiles; and uniform, which has far more problems near an edge than any data we know. */
import { betaInterval } from '../../src/statistics/beta.ts'
import { type Estimate, wilson } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { type RateRule, type SequentialRate, sequentialRate } from '../../src/statistics/sequential-rate.ts'
import { type Figure, main } from './figure.ts'

const band = { low: 0.2, high: 0.8 }
const populations: Readonly<Record<string, (uniform: number) => number>> = {
  'U-shaped': (uniform) =>
    betaInterval({ a: 0.3, b: 0.3 }, 1 - 2 * Math.min(uniform, 1 - uniform))[uniform < 0.5 ? 'low' : 'high'],
  uniform: (uniform) => uniform,
}

/** Fixed numbers of rollouts, and the cap with which the gate errs as seldom near the edges. */
const pairs = [
  { fixed: 32, most: 48 },
  { fixed: 64, most: 80 },
] as const

const problems = 20_000

interface Outcome extends Estimate {
  readonly rate: number
}

function simulate(rule: RateRule, rates: readonly number[]): Outcome[] {
  const measure = sequentialRate(rule)
  return rates.map((rate, problem) => {
    const random = rngFor('teachable bench', problem)
    let [successes, trials] = [0, 0]
    for (let more = measure.more({ successes, trials }); more > 0; more = measure.more({ successes, trials }))
      for (const end = trials + more; trials < end; trials++) if (random.next() < rate) successes++
    return { rate, successes, trials }
  })
}

const isNear = ({ rate }: Outcome): boolean =>
  Math.min(Math.abs(rate - band.low), Math.abs(rate - band.high)) < 0.1

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

/** Share of problems on the wrong side of the band. */
const errorOf = (outcomes: readonly Outcome[], { side }: SequentialRate): number =>
  mean(outcomes.map((one) => (side(one) === side({ successes: one.rate, trials: 1 }) ? 0 : 1)))

const coverageOf = (outcomes: readonly Outcome[], interval: SequentialRate['interval']): number =>
  mean(
    outcomes.map((one) => {
      const { low, high } = interval(one)
      return low <= one.rate && one.rate <= high ? 1 : 0
    }),
  )

/** The lowest exact coverage over true rates a thousandth apart, none within 5 % of 0 or 1. */
function worstCoverage({ ends }: SequentialRate, interval: SequentialRate['interval']): number {
  let worst = 1
  for (let p = 0.05; p <= 0.95; p += 0.001) {
    const held = ends(p).reduce((sum, end) => {
      const { low, high } = interval(end)
      return sum + (low <= p && p <= high ? end.probability : 0)
    }, 0)
    worst = Math.min(worst, held)
  }
  return worst
}

export function bench(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const { fixed, most } of pairs) {
    const rules = {
      fixed: { ...band, most: fixed, first: fixed, doubt: 0 },
      gate: { ...band, most, first: 8, doubt: 0.05 },
    }
    const gate = sequentialRate(rules.gate)
    const [bench, baseline] = ['teachable', `fixed ${fixed}`]
    for (const [name, rateAt] of Object.entries(populations)) {
      const rates = Array.from({ length: problems }, (_, i) => rateAt((i + 0.5) / problems))
      const [all, flat] = [simulate(rules.gate, rates), simulate(rules.fixed, rates)]
      const compared = (what: string, of: readonly Outcome[], than: readonly Outcome[]): Figure => {
        const value = errorOf(of, gate)
        return {
          ...{
            bench,
            case: `${name}, cap ${most}: wrong side, ${what}`,
            value,
            unit: 'of problems',
            baseline,
          },
          ratio: value / errorOf(than, gate),
        }
      }
      const rollouts = mean(all.map(({ trials }) => trials))
      figures.push(
        {
          ...{ bench, case: `${name}, cap ${most}: rollouts`, value: rollouts, unit: 'a problem', baseline },
          ratio: fixed / rollouts,
        },
        compared('within .1 of an edge', all.filter(isNear), flat.filter(isNear)),
        compared('all problems', all, flat),
        {
          ...{ bench, case: `${name}, cap ${most}: stored interval holds the truth`, unit: 'of problems' },
          ...{ value: coverageOf(all, gate.interval), baseline: 'Wilson as if fixed' },
          ratio: coverageOf(all, gate.interval) / coverageOf(all, wilson),
        },
      )
    }
    const [stored, naive] = [worstCoverage(gate, gate.interval), worstCoverage(gate, wilson)]
    figures.push({
      ...{
        bench,
        case: `cap ${most}: coverage at the worst true rate, exact`,
        value: stored,
        unit: 'probability',
      },
      ...{ baseline: `Wilson as if fixed (${naive.toFixed(3)})`, ratio: stored / naive },
    })
  }
  return Promise.resolve(figures)
}

await main(import.meta.url, bench)
