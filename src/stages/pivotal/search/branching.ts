import type { Random } from '../../../statistics/random.ts'
import type { Leaves } from './leaves.ts'
import type { Ask } from './source.ts'
import type { Tally } from './tally.ts'

/** Less than this known, draws are not kept from what was seen: they would hardly repeat it, and each would cost a prompt of
 *  its own. */
const worthwhile = 0.05

/** Asks for draws of leaving link k, each launched where an answer not yet seen leaves those that were. */
export function askToLeave(tally: Tally, k: number, ask: Ask, random: Random): readonly Ask[] {
  const { start, end, token } = tally.link(k)
  const unseen = tally.known(k).all >= worthwhile
  return token && !unseen ? some(ask) : launches(tally, [start, end], { ...ask, unseen }, random)
}

/** The same for draws of V at a node of a trace whose own verdict is known. */
export function askToStay(tally: Tally, ask: Ask, random: Random): readonly Ask[] {
  const { low, high } = tally.boundsAt(ask.node)
  if (1 - (high - low) < worthwhile) return some(ask)
  return launches(tally, [ask.node, tally.length], { ...ask, unseen: true }, random)
}

const some = (ask: Ask): readonly Ask[] => (ask.n === 0 ? [] : [ask])

function launches(
  { leaves }: Tally,
  [start, end]: readonly [number, number],
  { unseen, ...ask }: Ask & { readonly unseen: boolean },
  random: Random,
): readonly Ask[] {
  return Array.from({ length: ask.n }, () => {
    const branch = (leaves as Leaves).pick(start, end, unseen, random.next())
    return { ...ask, n: 1, branch }
  })
}
