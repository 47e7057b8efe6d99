import type { Model } from '../../../src/model/model.ts'
import type { SearchOptions } from '../../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../../src/stages/pivotal/search/search-trace.ts'
import type { RolloutSource } from '../../../src/stages/pivotal/search/source.ts'
import type { Found, Reported } from './score.ts'
import { sourceOf } from './source.ts'
import { gap, type TrueTrace } from './truth.ts'

/** What an engine lets a search do: forbid first tokens, and tell the probabilities of what it drew. */
type Engine = Pick<RolloutSource, 'canForce' | 'canBranch'>

/** A way to find the pivotal tokens of a trace. */
export interface Method {
  readonly name: string
  readonly engine: Engine
  readonly find: (trace: TrueTrace, source: RolloutSource, key: Key) => Promise<Found>
}

type Key = readonly (string | number)[]

/** The recursion as the Phi-4 report has it. */
export const reference = 'published, n=50'

const plain: Engine = { canForce: false, canBranch: false }
const forcing: Engine = { canForce: true, canBranch: false }
const knowing: Engine = { canForce: true, canBranch: true }

export const methods: readonly Method[] = [
  mode(reference, { mode: 'published', prune: false, confirmRollouts: 0 }, plain),
  mode('published, pruned, confirmed', { mode: 'published' }, plain),
  { name: 'every token, n=50', engine: plain, find: everyToken },
  mode('frugal, unconfirmed', { mode: 'frugal', confirmRollouts: 0 }),
  mode('frugal', { mode: 'frugal' }),
  mode('thorough, unconfirmed', { mode: 'thorough', confirmRollouts: 0 }),
  mode('thorough', { mode: 'thorough' }),
  mode('thorough, nothing known', { mode: 'thorough' }, forcing),
  mode('thorough, nothing known or forced', { mode: 'thorough' }, plain),
]

/** One trace searched with rollouts of this model. */
export async function searchWith(
  { engine, find }: Method,
  trace: TrueTrace,
  student: Model,
  key: Key,
): Promise<Reported> {
  const source = sourceOf(student, trace, engine)
  const found = await find(trace, source, key)
  const { process } = source
  const tokens = process.bought().reduce((sum, { ids }) => sum + ids.length, 0)
  return { ...found, rollouts: process.launched(), tokens }
}

function mode(name: string, options: Omit<SearchOptions, 'gap' | 'q'>, engine = knowing): Method {
  return {
    name,
    engine,
    find: async ({ logprobs, correct }, source, key) => {
      const { pivots } = await searchTrace({ logprobs, correct }, source, { gap, q: 0.1, key, ...options })
      const unconfirmed = options.confirmRollouts === 0
      const tested = pivots.map(({ position, search, fresh, confirmed }) => {
        // The recursion's own estimates at both ends; else what the stage writes.
        const change = unconfirmed && options.mode === 'published' ? search : fresh
        return { position, ...change, reported: unconfirmed ? reaches(change.delta) : confirmed }
      })
      return { reported: tested.filter((one) => one.reported), intervals: tested }
    },
  }
}

/** 50 rollouts at every node, and what changes by the gap. */
async function everyToken({ trace, correct }: TrueTrace, source: RolloutSource): Promise<Found> {
  const values: number[] = []
  for (const node of trace.keys()) {
    const drawn = await source.draw({ node, n: 50, forced: false, purpose: 'search' })
    values.push(drawn.filter((one) => one.correct).length / drawn.length)
  }
  const changes = trace.map((_, position) => {
    const after = values[position + 1] ?? Number(correct)
    return { position, delta: after - (values[position] as number) }
  })
  return { reported: changes.filter(({ delta }) => reaches(delta)), intervals: [] }
}

const reaches = (delta: number): boolean => Math.abs(delta) >= gap - 1e-9
