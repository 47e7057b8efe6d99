import type { Estimate, Interval } from '../../../statistics/estimate.ts'
import type { Known } from './leaves.ts'

/** Trials of a probability while it was known to lie within these bounds: of where between them it lies. */
export interface Part extends Estimate {
  readonly within: Interval
}

/** Draws of one probability in the order they came, of which more became known in between. */
export class Draws {
  readonly parts: Part[]
  successes = 0
  trials = 0

  constructor(parts: readonly Part[] = []) {
    this.parts = [...parts]
    for (const { successes, trials } of parts) {
      this.successes += successes
      this.trials += trials
    }
  }

  add(correct: boolean, known: Known = nothing): void {
    const success = correct ? 1 : 0
    this.successes += success
    this.trials++
    const within = boundsOf(known)
    const last = this.parts.at(-1)
    if (last?.within.low === within.low && last.within.high === within.high)
      this.parts[this.parts.length - 1] = {
        within,
        successes: last.successes + success,
        trials: last.trials + 1,
      }
    else this.parts.push({ within, successes: success, trials: 1 })
  }
}

/** Nothing is known without a draw. */
export const nothing: Known = { all: 0, right: 0 }

/** Between what a value lies of which so much is known. */
export const boundsOf = ({ all, right }: Known): Interval => ({
  low: right,
  high: right + Math.max(0, 1 - all),
})
