import { eBenjaminiHochberg } from '../../../statistics/e-bh.ts'
import { share } from '../../../statistics/estimate.ts'
import { type Belief, beliefs } from './beliefs.ts'
import { chainOf, type Link } from './chain.ts'
import { confirmLinks, type Tested } from './confirm.ts'
import { effortOf } from './effort.ts'
import { rounding } from './published.ts'
import { Purse } from './purse.ts'
import type { Change, Pivot, SearchOptions, SearchResult } from './result.ts'
import { searchArms } from './search-arms.ts'
import { searchEstimates } from './search-estimates.ts'
import type { RolloutSource, SearchTrace } from './source.ts'
import { Tally } from './tally.ts'

/** Share of a trace's cap that the search may spend; the rest confirms what it found. */
const searchShare = 0.6

/** Finds the pivotal units of a trace and tests them on rollouts that did not select them. The search only proposes: it
 *  may lean on priors and on rollouts of any origin, because nothing it draws is reported. */
export async function searchTrace(
  trace: SearchTrace,
  source: RolloutSource,
  options: SearchOptions,
): Promise<SearchResult> {
  const { mode, gap, q, maxRollouts = Infinity, prune = true } = options
  const closing = mode === 'published' && !prune ? 0 : gap
  const tally = new Tally(chainOf(trace, closing))
  const effort = effortOf(options)
  const purse = new Purse(source, maxRollouts)
  const { canForce } = source
  const verdict = trace.correct
  const most = effort.confirm === 0 ? maxRollouts : Math.ceil(searchShare * maxRollouts)
  let published: ReadonlyMap<number, Change> | null = null
  let candidates: readonly number[]
  if (mode === 'published') {
    published = await searchEstimates({ trace, gap, prune, rollouts: options.rollouts ?? 50, purse, tally })
    candidates = tally.links.flatMap(({ start }, k) => (published?.has(start) ? [k] : []))
  } else {
    tally.add(trace.known ?? [])
    candidates = await searchArms({ tally, verdict, gap, effort, purse, canForce, most })
  }
  const known = beliefs(tally, verdict, gap)
  const confirmation = { searched: tally, known, verdict, gap, q, effort, purse, canForce }
  const { fresh, tested } =
    effort.confirm === 0
      ? { fresh: null, tested: candidates.map((k) => untested(tally, known, k)) }
      : await confirmLinks(confirmation, candidates)
  const passed = eBenjaminiHochberg(
    tested.map(({ logEvidence }) => logEvidence),
    q,
  )
  const pivots = tested.map((test, i): Pivot => {
    const { start, end } = tally.links[test.k] as Link
    const search = published?.get(start) ?? believed(known[test.k] as Belief)
    const { delta } = test.fresh
    const agrees = Math.abs(delta) >= gap - rounding && Math.sign(delta) === Math.sign(search.delta)
    const probAfter = share(test.after)
    return {
      position: start,
      end,
      search,
      fresh: test.fresh,
      probBefore: probAfter - delta,
      probAfter,
      after: test.after,
      other: test.other,
      eValue: Math.exp(test.logEvidence),
      confirmed: fresh !== null && passed[i] === true && agrees,
      others: { search: tally.others(test.k), fresh: fresh?.others(test.k) ?? [] },
    }
  })
  const closed = tally.links.filter(({ candidate }) => !candidate)
  return {
    pivots,
    nodes: tally.nodes(),
    squaredChange: pivots.reduce(
      (sum, { confirmed, fresh: { delta } }) => sum + (confirmed ? delta ** 2 : 0),
      0,
    ),
    spent: {
      searchRollouts: purse.search,
      confirmRollouts: purse.confirm,
      tokens: purse.tokens,
      prunedTokens: closed.reduce((sum, { start, end }) => sum + end - start, 0) - 1,
      candidates: tally.links.length - closed.length,
      stoppedBy: purse.stoppedBy,
    },
  }
}

/** A candidate as the search sees it, where nothing fresh is drawn. */
function untested(tally: Tally, known: readonly Belief[], k: number): Tested {
  const belief = known[k] as Belief
  const { mean } = belief.after
  const trials = Math.round(Math.min(belief.after.worth, 1000))
  return {
    k,
    fresh: believed(belief),
    logEvidence: 0,
    after: { successes: mean * trials, trials },
    other: tally.left(k),
  }
}

const believed = ({ delta, error }: Belief): Change => ({
  delta,
  low: delta - 1.96 * error,
  high: delta + 1.96 * error,
})
