import { inOrder } from './rollouts.ts'
import type { Ask, Rollout } from './search/source.ts'

/** Sends the asks of one round by where they leave the trace, and then by the tokens that follow: prefixes of one trace lie inside
 *  each other, and those off it begin alike, so that a server with a prefix cache reads every token once. */
export function inPrefixOrder(
  draw: (ask: Ask) => Promise<readonly Rollout[]>,
): (ask: Ask) => Promise<readonly Rollout[]> {
  let round: { readonly ask: Ask; readonly send: (answer: Promise<readonly Rollout[]>) => void }[] = []
  const sendRound = (): void => {
    const sorted = round.sort((a, b) => byPrefix(a.ask, b.ask))
    round = []
    for (const { ask, send } of sorted) send(draw(ask))
  }
  return (ask) =>
    new Promise((send) => {
      round.push({ ask, send })
      if (round.length === 1) queueMicrotask(sendRound)
    })
}

const byPrefix = (a: Ask, b: Ask): number =>
  leavesAt(a) - leavesAt(b) || inOrder(a.branch?.tokens ?? [], b.branch?.tokens ?? []) || a.node - b.node

const leavesAt = ({ node, branch }: Ask): number => branch?.position ?? node
