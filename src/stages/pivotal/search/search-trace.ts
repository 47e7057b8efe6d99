import { eBenjaminiHochberg } from '../../../statistics/e-bh.ts'
import { type Random, rngFor } from '../../../statistics/random.ts'
import { type Belief, beliefs } from './beliefs.ts'
import { chainOf } from './chain.ts'
import { Draws } from './draws.ts'
import { confirmLinks } from './confirm.ts'
import { type Effort, effortOf } from './effort.ts'
import { believed, eValueOf, sideOf, type Tested, untested } from './evidence.ts'
import { rounding } from './published.ts'
import { Leaves } from './leaves.ts'
import { Purse } from './purse.ts'
import type { Change, OtherToken, Pivot, SearchOptions, SearchResult } from './result.ts'
import { searchArms } from './search-arms.ts'
import { searchEstimates } from './search-estimates.ts'
import type { RolloutSource, SearchTrace } from './source.ts'
import { Tally } from './tally.ts'
import { valuesAlong } from './values.ts'

/** Share of a trace's cap that the search may spend; the rest confirms what it found. */
const searchShare = 0.6

/** Finds the pivotal units of a trace and tests them on rollouts that did not select them. The search only proposes: it
 *  may lean on priors and on rollouts of any origin, because nothing it draws is reported. */
export async function searchTrace(
  trace: SearchTrace,
  source: RolloutSource,
  options: SearchOptions,
): Promise<SearchResult> {
  const { mode, gap, q, maxRollouts = Infinity, prune = true, key = [] } = options
  const links = chainOf(trace, mode === 'published' && !prune ? 0 : gap)
  const canBranch = source.canBranch === true && trace.correct !== null && links.every(({ exact }) => exact)
  const tally = new Tally(links, trace.correct, canBranch ? new Leaves(trace.logprobs) : null)
  const effort = effortOf(options)
  const purse = new Purse(source, maxRollouts)
  const most = effort.confirm === 0 ? maxRollouts : Math.ceil(searchShare * maxRollouts)
  const means = { canForce: source.canForce, canBranch }
  const random = rngFor('branches', ...key)
  const of = { trace, tally, verdict: trace.correct, gap, q, effort, purse, source: means, random, most }
  const proposed = await propose(of, options)
  const known = beliefs(tally, trace.correct, gap)
  const candidates = [...proposed.keys()]
  const testing = { ...of, ...means, searched: tally, known }
  const { fresh, tested } =
    effort.confirm === 0
      ? { fresh: null, tested: candidates.map((k) => untested(testing, k)) }
      : await confirmLinks(testing, candidates)
  const evidence = tested.map(({ logEvidence }) => logEvidence)
  const passed = eBenjaminiHochberg(evidence, q)
  const pivots = tested.map((test, i) => {
    const search = proposed.get(test.k) ?? believed(known[test.k] as Belief)
    return pivotOf({ tally, fresh, test, search, gap, passed: passed[i] === true })
  })
  return {
    pivots,
    values: valuesAlong(trace.logprobs, fresh === null ? [tally] : [tally, fresh], trace.correct),
    leaves: tally.leaves,
    batches: [...tally.batches, ...(fresh?.batches ?? [])],
    squaredChange: pivots.reduce((sum, one) => sum + (one.confirmed ? one.fresh.delta ** 2 : 0), 0),
    spent: spending(tally, purse),
  }
}

interface Proposing {
  readonly trace: SearchTrace
  readonly tally: Tally
  readonly verdict: boolean | null
  readonly gap: number
  readonly effort: Effort
  readonly purse: Purse
  readonly source: Pick<RolloutSource, 'canForce' | 'canBranch'>
  readonly random: Random
  readonly most: number
}

/** Links to test, each with its change where the search has its own estimate of it. */
async function propose(
  of: Proposing,
  { mode, rollouts = 50, batch = 2, prune = true }: SearchOptions,
): Promise<ReadonlyMap<number, Change | null>> {
  const { trace, tally } = of
  for (const batch of trace.drawn ?? []) tally.add(batch)
  if (mode !== 'published') {
    tally.add(trace.known ?? [])
    return new Map((await searchArms({ ...of, batch })).map((k) => [k, null]))
  }
  const found = await searchEstimates({ ...of, prune, rollouts })
  return new Map(
    tally.links.flatMap(({ start }, k) => (found.has(start) ? [[k, found.get(start) as Change]] : [])),
  )
}

interface Judged {
  readonly tally: Tally
  readonly fresh: Tally | null
  readonly test: Tested
  readonly search: Change
  readonly gap: number
  readonly passed: boolean
}

function pivotOf({ tally, fresh, test, search, gap, passed }: Judged): Pivot {
  const { start, end } = tally.link(test.k)
  const { after, other, logEvidence, probAfter } = test
  const { delta } = test.fresh
  const agrees = Math.abs(delta) >= gap - rounding && Math.sign(delta) === Math.sign(search.delta)
  return {
    position: start,
    end,
    search,
    fresh: test.fresh,
    probBefore: probAfter - delta,
    probAfter,
    after,
    other,
    eValue: eValueOf(logEvidence),
    confirmed: fresh !== null && passed && agrees,
    others: end === start + 1 ? othersOf(tally, fresh, start) : [],
  }
}

/** Tokens that rollouts took there in place of the trace's. */
function othersOf(tally: Tally, fresh: Tally | null, position: number): readonly OtherToken[] {
  const [searched, tested] = [tally.byToken(position), fresh?.byToken(position)]
  return [...new Set([...searched.keys(), ...(tested?.keys() ?? [])])].map((id) => {
    const draws = searched.get(id) ?? new Draws()
    return {
      id,
      search: draws.parts,
      fresh: tested?.get(id)?.parts ?? [],
      value: sideOf(draws, tally.boundsAfter(position, id), { mean: 0.5, worth: 0 }),
    }
  })
}

function spending({ links }: Tally, { search, confirm, tokens, stoppedBy }: Purse): SearchResult['spent'] {
  const closed = links.slice(0, -1).filter(({ candidate }) => !candidate)
  return {
    searchRollouts: search,
    confirmRollouts: confirm,
    tokens,
    prunedTokens: closed.reduce((sum, { start, end }) => sum + end - start, 0),
    candidates: links.length - 1 - closed.length,
    stoppedBy,
  }
}
