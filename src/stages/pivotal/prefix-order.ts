import type { Ask, Rollout } from './search/source.ts'

/** Sends the asks of one round by the length of their prefix: prefixes of one trace lie inside each other, so that a server with a
 *  prefix cache reads every token of the trace once. */
export function inPrefixOrder(
  draw: (ask: Ask) => Promise<readonly Rollout[]>,
): (ask: Ask) => Promise<readonly Rollout[]> {
  let round: { readonly ask: Ask; readonly send: (answer: Promise<readonly Rollout[]>) => void }[] = []
  const sendRound = (): void => {
    const sorted = round.sort((a, b) => a.ask.node - b.ask.node)
    round = []
    for (const { ask, send } of sorted) send(draw(ask))
  }
  return (ask) =>
    new Promise((send) => {
      round.push({ ask, send })
      if (round.length === 1) queueMicrotask(sendRound)
    })
}
