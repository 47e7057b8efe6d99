import { FulcrumError } from '../errors.ts'
import { permutation } from './permutation.ts'

/** One data set of a mixture and how often it is gone through; 2.5 is twice all of it and once half of it. */
export interface Portion {
  readonly count: number
  readonly epochs: number
}

/** Item `index` of data set `source`. */
export interface Draw {
  readonly source: number
  readonly index: number
}

/** Epochs of every data set so that draws are in proportion to the weights and `epochs` times all items in number. */
export function epochsByWeight(
  counts: readonly number[],
  weights: readonly number[],
  epochs: number,
): readonly number[] {
  const all = counts.reduce((sum, count) => sum + count, 0) * epochs
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return counts.map((count, i) => (count === 0 ? 0 : (all * (weights[i] as number)) / total / count))
}

/** How many items a mixture draws from each data set: exact to the row. */
export function drawsOf(portions: readonly Portion[]): readonly number[] {
  const draws = portions.map(({ count, epochs }) => Math.round(count * epochs))
  if (draws.some((n) => n > 0)) return draws
  throw new FulcrumError(
    'train',
    `The mixture draws nothing: ${portions.map(({ count, epochs }) => `${epochs} epochs of ${count}`).join(', ')}`,
    'Raise the epochs.',
  )
}

/** Draws of a whole training run from position `from` on, in constant memory. Every pass over a data set has an order of
 *  its own and takes each item once; a last part of a pass takes the first of its order. The data sets are spread
 *  evenly: after any number of draws each has its share to within one. Depends on the portions and the seed only. */
export function* mixtureFrom(portions: readonly Portion[], seed: number, from = 0): Generator<Draw> {
  const draws = drawsOf(portions)
  const taken = draws.map(() => 0)
  const passes = draws.map(() => ({ pass: -1, order: (position: number) => position }))
  const total = draws.reduce((sum, n) => sum + n, 0)
  for (let position = 0; position < total; position++) {
    const source = nextOf(draws, taken)
    const turn = taken[source] as number
    taken[source] = turn + 1
    if (position < from) continue
    const { count } = portions[source] as Portion
    const pass = Math.floor(turn / count)
    if (passes[source]?.pass !== pass)
      passes[source] = { pass, order: permutation(count, seed, source, pass) }
    yield { source, index: passes[source].order(turn % count) }
  }
}

/** The data set that is furthest behind its share. */
function nextOf(draws: readonly number[], taken: readonly number[]): number {
  let best = 0
  let least = Infinity
  for (let source = 0; source < draws.length; source++) {
    const behind = ((taken[source] as number) + 0.5) / (draws[source] as number)
    if (behind < least) [best, least] = [source, behind]
  }
  return best
}
