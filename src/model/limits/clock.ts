import { setTimeout as wait } from 'node:timers/promises'

/** Time for limits and patience only: nothing of it gets into an output. Tests imitate it. */
export interface Clock {
  /** Milliseconds since 1970, never going back. */
  now(): number
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
}

export const realClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (milliseconds, signal) => wait(milliseconds, undefined, signal && { signal }),
}
