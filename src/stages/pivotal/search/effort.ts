import type { SearchOptions } from './result.ts'

/** When the search lets go of an arm and when it stops looking. Ours, not from the paper: chosen on toy worlds whose seeds
 *  no bench reports. */
export interface Effort {
  /** Most search rollouts that leave at one link. */
  readonly perArm: number
  /** An arm less likely pivotal than this draws no more; one more likely than `settled` goes to its test at once. */
  readonly dismissed: number
  readonly settled: number
  /** Draws of its own before an arm may be dismissed, where rollouts can be launched anywhere. */
  readonly own: number
  /** Least probability with which an arm is tested once the search has ended. */
  readonly tested: number
  /** Most fresh rollouts a side. */
  readonly confirm: number
  /** Fewest fresh rollouts a side before a test may confirm. Stopping while ahead overstates a change: in the bench's
   *  first world by .03 at 8, .02 at 16 and .01 at 32. */
  readonly leastConfirm: number
  /** A test ends when it is less likely than this to reach the gap. */
  readonly hopeless: number
}

const efforts: Readonly<Record<'frugal' | 'thorough', Effort>> = {
  frugal: {
    perArm: 12,
    dismissed: 0.1,
    settled: 0.8,
    own: 0,
    tested: 0.4,
    confirm: 96,
    leastConfirm: 16,
    hopeless: 0.1,
  },
  thorough: {
    perArm: 32,
    dismissed: 0.02,
    settled: 0.7,
    own: 2,
    tested: 0.1,
    confirm: 256,
    leastConfirm: 16,
    hopeless: 0.05,
  },
}

/** The mode's effort with what the options set themselves. The published recursion is confirmed like the others. */
export function effortOf({ mode, rollouts, confirmRollouts, leastConfirm }: SearchOptions): Effort {
  const effort = efforts[mode === 'thorough' ? 'thorough' : 'frugal']
  return {
    ...effort,
    perArm: rollouts ?? effort.perArm,
    confirm: confirmRollouts ?? effort.confirm,
    leastConfirm: leastConfirm ?? effort.leastConfirm,
  }
}
