import { pruneMargin, type SearchTrace, unitsOf } from './source.ts'

/** A stretch of the trace, from node `start` to node `end`. With Pi the probability that the sampler follows it,
 *  V(start) = Pi V(end) + (1 - Pi) V(leaving it): an identity, so that a change of V is (1 - Pi)(V(end) - V(leaving)). */
export interface Link {
  readonly start: number
  readonly end: number
  /** 1 - Pi, computed without cancellation. 1 for the unseen rest after the last token. */
  readonly leave: number
  /** A unit that may be pivotal: 1 - Pi bounds its change of V, and reaches the gap. */
  readonly candidate: boolean
  /** A single token, which can be forbidden. */
  readonly token: boolean
  /** `leave` is exact; false where a log-probability is a lower bound, and `leave` an upper one. */
  readonly exact: boolean
}

/** The trace as links: each unit that may be pivotal alone, runs of closed units joined up to the next seam; the last link is
 *  what comes after the trace. */
export function chainOf(trace: SearchTrace, gap: number): readonly Link[] {
  const { logprobs, lowerBounds = [] } = trace
  const last = logprobs.length
  const links: Link[] = []
  let [linkStart, unitStart] = [0, 0]
  const close = (end: number, candidate: boolean): void => {
    const start = linkStart
    if (end === start) return
    const exact = !lowerBounds.slice(start, end).includes(true)
    links.push({
      start,
      end,
      leave: leaving(logprobs, start, end),
      candidate,
      token: end === start + 1,
      exact,
    })
    linkStart = end
  }
  for (const { end, open, seam } of unitsOf(trace)) {
    if (open && leaving(logprobs, unitStart, end) >= pruneMargin * gap) {
      close(unitStart, false)
      close(end, true)
    }
    if (seam) close(end, false)
    unitStart = end
  }
  close(last, false)
  return [...links, { start: last, end: last + 1, leave: 1, candidate: false, token: false, exact: true }]
}

const leaving = (logprobs: readonly number[], start: number, end: number): number =>
  -Math.expm1(logprobs.slice(start, end).reduce((sum, logprob) => sum + logprob, 0))
