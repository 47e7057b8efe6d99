import type { Clock } from './clock.ts'

export interface BreakerOptions {
  /** Failures in a row, of any requests, after which the endpoint is taken to be down. */
  readonly failures: number
  /** How long it is tried again before the run ends, milliseconds. */
  readonly patienceMs: number
  /** Wait before the first try; it doubles up to 30 s. */
  readonly firstTrialMs: number
}

export const defaultBreaker: BreakerOptions = { failures: 5, patienceMs: 300_000, firstTrialMs: 1000 }

/** Knows whether an endpoint is up. While it is down, one request at a time tries it. */
export interface Breaker {
  /** When the first of the failures in a row was, if they are enough; else null. */
  readonly downSince: number | null
  /** Down for longer than patience allows. */
  readonly isGivenUp: boolean
  succeeded(): void
  failed(): void
  /** Waits for the time of the next trial. */
  beforeTrial(signal?: AbortSignal): Promise<void>
}

export function createBreaker({ failures, patienceMs, firstTrialMs }: BreakerOptions, clock: Clock): Breaker {
  let [inARow, firstAt, wait] = [0, 0, firstTrialMs]
  const isDown = (): boolean => inARow >= failures
  return {
    get downSince() {
      return isDown() ? firstAt : null
    },
    get isGivenUp() {
      return isDown() && clock.now() - firstAt >= patienceMs
    },
    succeeded: () => {
      inARow = 0
      wait = firstTrialMs
    },
    failed: () => {
      if (inARow === 0) firstAt = clock.now()
      inARow++
    },
    beforeTrial: async (signal) => {
      const left = firstAt + patienceMs - clock.now()
      await clock.sleep(Math.max(0, Math.min(wait, left)), signal)
      wait = Math.min(30_000, wait * 2)
    },
  }
}
