import { differenceInterval } from '../../../statistics/difference.ts'
import { type Estimate, share } from '../../../statistics/estimate.ts'
import { searchPivots } from './published.ts'
import type { Purse } from './purse.ts'
import type { Change } from './result.ts'
import { type Rollout, type SearchTrace, unitsOf } from './source.ts'
import type { Tally } from './tally.ts'

interface EstimateSearch {
  readonly trace: SearchTrace
  readonly gap: number
  readonly prune: boolean
  /** Rollouts an estimate takes. */
  readonly rollouts: number
  readonly purse: Purse
  readonly tally: Tally
  /** The search leaves the rest of the cap to the confirmation. */
  readonly most: number
}

/** The published recursion over units, each node estimated by rollouts launched there and by no others. Returns what it
 *  takes for the change at each unit found, by the unit's first node. */
export async function searchEstimates(of: EstimateSearch): Promise<ReadonlyMap<number, Change>> {
  const { trace, gap, prune, rollouts, purse, tally, most } = of
  const { logprobs, correct } = trace
  const units = unitsOf(trace)
  const nodes = [0, ...units.map(({ end }) => end)]
  const estimates = new Map<number, Estimate>()
  const estimate = async (unit: number): Promise<number> => {
    const node = nodes[unit] as number
    const exact = node === logprobs.length && correct !== null
    const before = (trace.drawn ?? []).flat().filter((one) => isPlain(one, node))
    const had = before.slice(0, rollouts)
    const ask = { node, n: rollouts - had.length, forced: false, purpose: 'search' } as const
    const bought = exact || ask.n === 0 ? [] : await purse.buy([ask], most)
    tally.add(bought)
    const drawn = [...had, ...bought]
    const successes = drawn.filter((rollout) => rollout.correct).length
    const found = exact
      ? { successes: correct ? rollouts : 0, trials: rollouts }
      : { successes, trials: drawn.length }
    estimates.set(unit, found)
    return share(found)
  }
  const open = units.map((unit) => unit.open)
  const unitLogprobs = units.map(({ end }, unit) =>
    logprobs.slice(nodes[unit], end).reduce((sum, logprob) => sum + logprob, 0),
  )
  const { pivots } = await searchPivots({ logprobs: unitLogprobs, estimate, open }, { gap, prune })
  return new Map(
    pivots.map((unit) => {
      const [before, after] = [estimates.get(unit) as Estimate, estimates.get(unit + 1) as Estimate]
      return [
        nodes[unit] as number,
        { delta: share(after) - share(before), ...differenceInterval(before, after) },
      ]
    }),
  )
}

const isPlain = ({ node, forced, branch }: Rollout, at: number): boolean =>
  node === at && !forced && branch === undefined
