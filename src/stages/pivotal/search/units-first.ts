import type { SearchOptions, SearchResult } from './result.ts'
import { searchTrace } from './search-trace.ts'
import type { RolloutSource, SearchTrace } from './source.ts'

/** Share of a trace's cap that the search of whole units may spend, its tests too. Our choice. */
const coarseShare = 0.5

/** Finds the pivotal units of a trace, and then the pivotal tokens inside those that the search proposed: all others stay closed.
 *  What the first pass drew is known to the search of the second, whose tests draw afresh. Units and tokens are tested at q
 *  each for themselves. A change inside a unit that another one cancels is missed. */
export async function searchUnitsFirst(
  trace: SearchTrace,
  source: RolloutSource,
  options: SearchOptions,
): Promise<SearchResult> {
  const { maxRollouts = Infinity, key = [] } = options
  const coarse = await searchTrace(trace, source, {
    ...options,
    maxRollouts: Math.ceil(coarseShare * maxRollouts),
  })
  const wide = coarse.pivots.filter(({ position, end }) => end > position + 1)
  if (wide.length === 0) return coarse
  const { logprobs, lowerBounds, units, correct } = trace
  const fine = await searchTrace(
    {
      ...{ logprobs, correct, opened: wide.map(({ position }) => position), drawn: coarse.batches },
      ...(lowerBounds !== undefined && { lowerBounds }),
      ...(units !== undefined && { units }),
    },
    source,
    { ...options, maxRollouts: maxRollouts - drawnBy(coarse), key: [...key, 'tokens'] },
  )
  const opened = wide.reduce((sum, { position, end }) => sum + end - position, 0)
  return both(coarse, fine, opened)
}

const drawnBy = ({ spent }: SearchResult): number => spent.searchRollouts + spent.confirmRollouts

/** Both passes as one; `opened` tokens were searched in the second. */
function both(coarse: SearchResult, fine: SearchResult, opened: number): SearchResult {
  const [first, second] = [coarse.spent, fine.spent]
  return {
    ...fine,
    pivots: [...coarse.pivots, ...fine.pivots].sort((a, b) => a.position - b.position || b.end - a.end),
    squaredChange: fine.squaredChange + withoutTokens(coarse, fine),
    spent: {
      searchRollouts: first.searchRollouts + second.searchRollouts,
      confirmRollouts: first.confirmRollouts + second.confirmRollouts,
      tokens: first.tokens + second.tokens,
      prunedTokens: first.prunedTokens + opened - second.candidates,
      candidates: first.candidates + second.candidates,
      stoppedBy: second.stoppedBy ?? first.stoppedBy,
    },
  }
}

/** Squared changes of confirmed units none of whose tokens is: a change counts once. */
function withoutTokens(coarse: SearchResult, fine: SearchResult): number {
  const tokens = fine.pivots.filter(({ confirmed }) => confirmed)
  return coarse.pivots
    .filter(({ confirmed }) => confirmed)
    .filter(({ position: from, end }) => !tokens.some(({ position: at }) => at >= from && at < end))
    .reduce((sum, { fresh }) => sum + fresh.delta ** 2, 0)
}
