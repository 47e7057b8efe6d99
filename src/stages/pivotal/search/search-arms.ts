import { type Belief, beliefs } from './beliefs.ts'
import type { Effort } from './effort.ts'
import { type Arm, rankArms } from './next-asks.ts'
import type { Purse } from './purse.ts'
import type { Random } from '../../../statistics/random.ts'
import { askToLeave } from './branching.ts'
import type { Ask, RolloutSource } from './source.ts'
import type { Tally } from './tally.ts'

interface ArmSearch {
  readonly tally: Tally
  readonly verdict: boolean | null
  readonly gap: number
  readonly effort: Effort
  readonly purse: Purse
  readonly source: Pick<RolloutSource, 'canForce' | 'canBranch'>
  readonly random: Random
  /** Rollouts an ask. */
  readonly batch: number
  /** The search leaves the rest of the cap to the confirmation. */
  readonly most: number
}

/** Launches from the root before anything is believed; where the next ones can be launched anywhere, fewer are needed. */
const [first, firstAnywhere] = [8, 4]
/** Asks under way at once; an arm far below the best of a round waits for news. */
const [width, worthwhile] = [12, 0.2]
/** Launches a node per rollout that an arm may take: more are never needed where log-probabilities are true, and where they
 *  are not, the search must end all the same. */
const launches = 8

/** Every unit that its log-probability leaves open is an arm. Rollouts go where they are expected to settle most per
 *  decoded token; an arm is let go when it is unlikely to be pivotal, likely enough to be tested, or has had its share.
 *  Returns the numbers of the links to test. */
export async function searchArms(of: ArmSearch): Promise<readonly number[]> {
  const { tally, verdict, gap, effort, purse, source, batch, most } = of
  const settled = new Set<number>()
  const buy = async (asks: readonly Ask[]): Promise<boolean> => {
    const rollouts = await purse.buy(asks, most)
    tally.add(rollouts)
    return rollouts.length > 0
  }
  const root = (source.canBranch === true ? firstAnywhere : first) - tally.at(0).trials
  if (root > 0 && candidates(tally).length > 0)
    await buy([{ node: 0, n: root, forced: false, purpose: 'search' }])
  for (;;) {
    const known = beliefs(tally, verdict, gap)
    for (const k of candidates(tally)) if ((known[k] as Belief).pivotal > effort.settled) settled.add(k)
    const doubt = known.map((belief, k) =>
      settled.has(k)
        ? 0
        : doubtOf(tally, k, belief, { ...effort, own: source.canBranch === true ? effort.own : 0 }),
    )
    const arms = rankArms(tally.links, known, doubt, source)
    const asks = round(of, arms, batch, launches * effort.perArm)
    if (asks.length === 0 || !(await buy(asks))) break
  }
  const known = beliefs(tally, verdict, gap)
  return candidates(tally).filter((k) => settled.has(k) || (known[k] as Belief).pivotal > effort.tested)
}

const candidates = (tally: Tally): readonly number[] =>
  tally.links.flatMap(({ candidate }, k) => (candidate ? [k] : []))

/** What narrowing the change over a link is worth: the variance of "is it pivotal", per variance of the change. */
function doubtOf(tally: Tally, k: number, { pivotal, error }: Belief, effort: Effort): number {
  const { trials } = tally.left(k)
  const closed = !tally.link(k).candidate || (pivotal < effort.dismissed && trials >= effort.own)
  return closed || trials >= effort.perArm ? 0 : (pivotal * (1 - pivotal)) / error ** 2
}

/** The best arms, one a link. */
function round({ tally, source, random }: ArmSearch, arms: readonly Arm[], n: number, most: number): Ask[] {
  const best = arms[0]?.score ?? 0
  const taken = new Set<number>()
  const asks: Ask[] = []
  for (const { k, forced, score } of arms) {
    if (asks.length === width || score <= best * worthwhile || score <= 0) break
    const node = tally.link(k).start
    if (taken.has(k) || (!forced && tally.launched(node) >= most)) continue
    taken.add(k)
    const ask = { node, n, forced, purpose: 'search' } as const
    asks.push(...(forced && source.canBranch === true ? askToLeave(tally, k, ask, random) : [ask]))
  }
  return asks
}
