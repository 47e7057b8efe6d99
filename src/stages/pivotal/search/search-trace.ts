import { differenceInterval } from '../../../statistics/difference.ts'
import { share } from '../../../statistics/estimate.ts'
import { searchPivots } from './published.ts'
import type { SearchOptions, SearchResult } from './result.ts'
import type { Rollout, RolloutSource, SearchTrace } from './source.ts'

/** Stand-in until the engine is there. */
export async function searchTrace(
  trace: SearchTrace,
  source: RolloutSource,
  { gap, rollouts, confirmRollouts, maxRollouts = Infinity }: SearchOptions,
): Promise<SearchResult> {
  const { logprobs, correct } = trace
  const nodes = new Map<number, readonly Rollout[]>()
  let spent = 0
  const of = (all: readonly Rollout[]) => ({
    successes: all.filter((one) => one.correct).length,
    trials: all.length,
  })
  const known = { successes: correct === true ? rollouts : 0, trials: rollouts }
  const draw = async (node: number, n: number, purpose: 'search' | 'confirm') => {
    spent += n
    return source.draw({ node, n, forced: false, purpose })
  }
  const found = await searchPivots(
    {
      logprobs,
      estimate: async (node) => {
        if (node === logprobs.length) return share(known)
        nodes.set(node, await draw(node, rollouts, 'search'))
        return share(of(nodes.get(node) as readonly Rollout[]))
      },
    },
    { gap, prune: true },
  )
  const at = (node: number) => of(nodes.get(node) ?? [])
  const pivots = []
  for (const position of found.pivots) {
    if (spent + 2 * confirmRollouts > maxRollouts) break
    const end = position + 1
    const fresh = await draw(position, confirmRollouts, 'confirm')
    const after = end === logprobs.length ? known : of(await draw(end, confirmRollouts, 'confirm'))
    const before = of(fresh)
    const delta = share(after) - share(before)
    const searchAfter = end === logprobs.length ? known : at(end)
    const searchDelta = share(searchAfter) - share(at(position))
    const others = (all: readonly Rollout[]) => all.filter(({ diverged }) => diverged === position)
    pivots.push({
      position,
      end,
      search: { delta: searchDelta, ...differenceInterval(at(position), searchAfter) },
      fresh: { delta, ...differenceInterval(before, after) },
      probBefore: share(before),
      probAfter: share(after),
      after,
      other: before,
      eValue: 1,
      confirmed: Math.abs(delta) >= gap - 1e-9 && Math.sign(delta) === Math.sign(searchDelta),
      others: { search: others(nodes.get(position) ?? []), fresh: others(fresh) },
    })
  }
  return {
    pivots,
    nodes: [...nodes.keys()]
      .sort((a, b) => a - b)
      .map((node) => ({ node, estimate: at(node), launched: at(node).trials, forcedLaunched: 0 })),
    squaredChange: 0,
    spent: {
      searchRollouts: 0,
      confirmRollouts: 0,
      tokens: 0,
      prunedTokens: found.tokensPruned,
      candidates: 0,
      stoppedBy: null,
    },
  }
}
