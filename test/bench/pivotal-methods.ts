import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import type { SearchOptions } from '../../src/stages/pivotal/search/result.ts'
import type { Ask, RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { share } from '../../src/statistics/estimate.ts'
import type { World } from '../stages/toy-world.ts'

export const gap = 0.2

/** What a method reports of one trace, and what that cost. */
export interface Reported {
  readonly pivots: readonly { readonly position: number; readonly delta: number }[]
  /** 95 % intervals of all changes it gives, reported or not, by position. */
  readonly intervals: readonly { readonly position: number; readonly low: number; readonly high: number }[]
  readonly rollouts: number
  readonly tokens: number
  /** Asks that the source answered: a request each, whatever it holds. */
  readonly requests: number
}

export type Method = (world: World, source: RolloutSource) => Promise<Omit<Reported, 'requests'>>

/** A method with what it asks for counted. */
export const countingRequests =
  (method: Method) =>
  async (world: World, source: RolloutSource): Promise<Reported> => {
    let requests = 0
    const draw = (ask: Ask): ReturnType<RolloutSource['draw']> => {
      requests++
      return source.draw(ask)
    }
    const reported = await method(world, { ...source, draw })
    return { ...reported, requests }
  }

/** One of the search's modes; without confirmation it reports what the search believes. */
export const mode =
  (options: Partial<SearchOptions> & Pick<SearchOptions, 'mode'>): Method =>
  async ({ logprobs, correct = null }, source) => {
    const { pivots, spent } = await searchTrace({ logprobs, correct }, source, {
      gap,
      q: 0.1,
      ...options,
    })
    const reported = pivots.filter(({ confirmed, fresh, search }) =>
      options.confirmRollouts === 0 ? Math.abs(search.delta) >= gap - 1e-9 : confirmed && fresh,
    )
    const of = (pivot: (typeof pivots)[number]) =>
      options.confirmRollouts === 0 ? pivot.search : pivot.fresh
    return {
      pivots: reported.map((pivot) => ({ position: pivot.position, delta: of(pivot).delta })),
      intervals: pivots.map((pivot) => ({ position: pivot.position, ...of(pivot) })),
      rollouts: spent.searchRollouts + spent.confirmRollouts,
      tokens: spent.tokens,
    }
  }

/** The public implementation: halves a span at the middle of its token numbers while its ends differ by the gap. */
export const indexBisection =
  (rollouts: number): Method =>
  async ({ logprobs }, source) => {
    const { at, cost } = estimates(source, rollouts)
    const pivots: { position: number; delta: number }[] = []
    const divide = async (start: number, end: number): Promise<void> => {
      const delta = (await at(end)) - (await at(start))
      if (Math.abs(delta) < gap - 1e-9) return
      if (end - start === 1) {
        pivots.push({ position: start, delta })
        return
      }
      const middle = (start + end) >> 1
      await divide(start, middle)
      await divide(middle, end)
    }
    await divide(0, logprobs.length)
    return { pivots, intervals: [], ...cost }
  }

/** Every position estimated; a token counts where the change reaches the gap and 1.96 standard errors. */
export const linearScan =
  (rollouts: number): Method =>
  async ({ logprobs }, source) => {
    const { at, cost } = estimates(source, rollouts)
    const pivots: { position: number; delta: number }[] = []
    for (let position = 0; position < logprobs.length; position++) {
      const [before, after] = [await at(position), await at(position + 1)]
      const error = Math.sqrt((before * (1 - before) + after * (1 - after)) / rollouts)
      if (Math.abs(after - before) >= Math.max(gap - 1e-9, 1.96 * error))
        pivots.push({ position, delta: after - before })
    }
    return { pivots, intervals: [], ...cost }
  }

function estimates(source: RolloutSource, n: number) {
  const known = new Map<number, number>()
  const cost = { rollouts: 0, tokens: 0 }
  const at = async (node: number): Promise<number> => {
    const before = known.get(node)
    if (before !== undefined) return before
    const drawn = await source.draw({ node, n, forced: false, purpose: 'search' })
    const successes = drawn.filter(({ correct }) => correct).length
    cost.rollouts += n
    cost.tokens += drawn.reduce((sum, { tokens }) => sum + tokens, 0)
    known.set(node, share({ successes, trials: n }))
    return successes / n
  }
  return { at, cost }
}
