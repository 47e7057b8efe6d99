import type { Random } from '../../../statistics/random.ts'
import type { Leaves } from './leaves.ts'
import { merged } from './purse.ts'
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

/** The same for draws of going on with a token that is not the trace's, after so many of its tokens. */
export function askAfter(
  leaves: Leaves | null,
  { position, token, n }: { readonly position: number; readonly token: number; readonly n: number },
  random: Random,
): readonly { readonly ask: Ask; readonly unseen: boolean }[] {
  const ask: Ask = { node: position, n, forced: false, purpose: 'confirm' }
  const plain = { position, tokens: [token], banned: [], unseen: false }
  if (leaves === null || leaves.after(position, token).all < worthwhile)
    return some({ ...ask, branch: plain }).map((one) => ({ ask: one, unseen: false }))
  const each = Array.from({ length: n }, () => leaves.pickAfter(position, token, random.next()))
  return merged(each.map((branch) => ({ ...ask, n: 1, branch }))).map((one) => ({ ask: one, unseen: true }))
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
