import type { Clock } from './clock.ts'

/** How many requests may be in flight, found out as TCP does (additive increase, multiplicative decrease; Chiu and Jain
 *  1989): halved once for each round of refusals, one more for each round of answers. */
export interface Window {
  readonly size: number
  grow(): void
  /** After a refusal of a request that was sent then. */
  cut(sentAt: number): void
}

export function createWindow(most: number, clock: Clock): Window {
  let [size, lastCut] = [most, 0]
  return {
    get size() {
      return Math.floor(size)
    },
    grow: () => {
      size = Math.min(most, size + 1 / size)
    },
    cut: (sentAt) => {
      // Requests that were sent before the last cut say nothing about what came of it.
      if (sentAt < lastCut) return
      size = Math.max(1, size / 2)
      lastCut = clock.now()
    },
  }
}
