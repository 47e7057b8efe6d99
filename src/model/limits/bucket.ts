import type { Clock } from './clock.ts'

/** A rate with a reserve: what is taken comes back at a fixed pace. */
export interface Bucket {
  /** Waits until the amount is there, first come, first served; gives what was taken. An amount that the bucket can never
   *  hold takes all of it. */
  take(amount: number, signal?: AbortSignal): Promise<number>
  /** Puts back what was reserved and not used; a negative amount is used beyond what was reserved. */
  refund(amount: number): void
}

/** `perMinute` of something, at most `burst` at once. */
export function createBucket(perMinute: number, burst: number, clock: Clock): Bucket {
  const most = Math.max(1, burst)
  let [level, filledAt] = [most, clock.now()]
  let turn: Promise<unknown> = Promise.resolve()

  const fill = (): void => {
    const now = clock.now()
    level = Math.min(most, level + ((now - filledAt) / 60_000) * perMinute)
    filledAt = now
  }
  const wait = async (amount: number, signal?: AbortSignal): Promise<number> => {
    fill()
    while (level < amount) {
      // Rounded up, or the last sleep would be too short by a part of a millisecond, again and again.
      await clock.sleep(Math.ceil(((amount - level) / perMinute) * 60_000), signal)
      fill()
    }
    level -= amount
    return amount
  }
  return {
    take: (amount, signal) => {
      const taken = turn.then(() => wait(Math.min(amount, most), signal))
      turn = taken.catch(() => undefined)
      return taken
    },
    refund: (amount) => {
      fill()
      level = Math.min(most, level + amount)
    },
  }
}
