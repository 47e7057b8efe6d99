import type { Model } from '../../../src/model/model.ts'
import { askToLeave } from '../../../src/stages/pivotal/search/branching.ts'
import { beliefs, type Belief } from '../../../src/stages/pivotal/search/beliefs.ts'
import { chainOf } from '../../../src/stages/pivotal/search/chain.ts'
import { Leaves } from '../../../src/stages/pivotal/search/leaves.ts'
import { Tally } from '../../../src/stages/pivotal/search/tally.ts'
import { type Random, rngFor } from '../../../src/statistics/random.ts'
import { sourceOf } from './source.ts'
import { gap, isOpen, type PlainTrace, type TrueChange } from './truth.ts'

/** Standard error of a change, and most rounds for it. The error leans on what the drawn part of the unseen looks like, and
 *  while a hundredth is unseen it may miss a right answer in there: at 3e-4 repeats lay up to 8 errors apart, at 1e-4 within 3. */
const [goal, rounds] = [1e-4, 1000]
/** Draws of one link a round. */
const most = 8

/** The change over each open token by enumeration: answers are drawn without replacement wherever the trace can be left, until
 *  hardly any is unseen. It leans on the search's own prefix tree, which the plain rollouts know nothing of. */
export async function exactChanges(student: Model, trace: PlainTrace): Promise<readonly TrueChange[]> {
  const { id, logprobs, correct } = trace
  // At gap 0 every token is a link of its own.
  const tally = new Tally(chainOf({ logprobs, correct }, 0), correct, new Leaves(logprobs))
  const source = sourceOf(student, trace, { canForce: true, canBranch: true })
  const random = rngFor('pivotal-truth', id, 'exact')
  let known = beliefs(tally, correct, gap)
  for (let round = 0; round < rounds && worst(trace, known) > goal; round++) {
    const asks = known.flatMap((belief, k) => asksFor(tally, k, belief, random))
    tally.add((await Promise.all(asks.map((ask) => source.draw(ask)))).flat())
    known = beliefs(tally, correct, gap)
  }
  return trace.trace.flatMap((_, at) => (isOpen(trace, at) ? [rounded(at, known[at] as Belief)] : []))
}

const worst = (trace: PlainTrace, known: readonly Belief[]): number =>
  Math.max(0, ...trace.trace.map((_, at) => (isOpen(trace, at) ? (known[at] as Belief).error : 0)))

/** Where leaving still adds to the error of a change: errors of all links add up as squares. */
function asksFor(tally: Tally, k: number, { leave, variance }: Belief, random: Random) {
  const error = leave * Math.sqrt(variance)
  if (error <= goal / Math.sqrt(tally.length)) return []
  const n = Math.min(most, Math.ceil(error / goal))
  return askToLeave(tally, k, { node: tally.link(k).start, n, forced: true, purpose: 'search' }, random)
}

const rounded = (at: number, { delta, error }: Belief): TrueChange => ({
  at,
  change: Number(delta.toFixed(5)),
  error: Number(error.toFixed(6)),
})
