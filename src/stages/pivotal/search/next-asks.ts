import type { Belief } from './beliefs.ts'
import type { Link } from './chain.ts'
import type { RolloutSource } from './source.ts'

/** A launch that the search may make, with the information it is expected to bring per decoded token. */
export interface Arm {
  readonly k: number
  readonly forced: boolean
  readonly score: number
}

/** All launches, best first. A draw of leaving link k narrows the change over k and, through V, over every open link
 *  before it; `doubt` says what a narrower change is worth. With w the chance to get from link j to k, the sum over j of
 *  w^2 doubt_j is carried forward in one pass; an unforced launch is the average over where it may leave, backward in
 *  another. */
export function rankArms(
  links: readonly Link[],
  known: readonly Belief[],
  doubt: readonly number[],
  { canForce, canBranch = false }: Pick<RolloutSource, 'canForce' | 'canBranch'>,
): readonly Arm[] {
  const length = (links.at(-1) as Link).start
  const gains: number[] = []
  let before = 0
  for (const [k, { leave, gain }] of known.entries()) {
    const own = leave ** 2 * (doubt[k] as number)
    gains.push(gain * leave ** 2 * ((doubt[k] as number) + before))
    before = (1 - leave) ** 2 * before + own
  }
  const arms: Arm[] = []
  let launched = 0
  for (let k = links.length - 1; k >= 0; k--) {
    const { leave } = known[k] as Belief
    const { start, token, candidate, exact } = links[k] as Link
    const cost = length - start + 1
    launched = leave * (gains[k] as number) + (1 - leave) * launched
    const forced = start < length && (canBranch ? exact : canForce && token && candidate)
    // A draw of one link alone says more than one that may leave at any, and never repeats an answer.
    if (!canBranch || start === length) arms.push({ k, forced: false, score: launched / cost })
    if (forced) arms.push({ k, forced: true, score: (gains[k] as number) / cost })
  }
  return arms.sort((a, b) => b.score - a.score || a.k - b.k || Number(b.forced) - Number(a.forced))
}
