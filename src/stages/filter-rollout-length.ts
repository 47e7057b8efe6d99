import { FulcrumError } from '../errors.ts'
import { filter, type NoColumns } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col } from '../record/columns.ts'

const needs = {
  gate_rollout_ids: col.nullable(
    col.list(
      col.list(col.int32('token id'), 'exact ids'),
      "the student's rollouts, where its engine shows them",
    ),
  ),
}

export interface FilterRolloutLengthOptions {
  /** Lowest mean length of the rollouts, tokens. */
  readonly least: number
  /** Highest. */
  readonly most: number
  /** The longest rollout of a problem is at most so many times its shortest. */
  readonly spread: number
}

/** Keeps problems whose rollouts are of like length, so that the rollouts of a step end together and length does not stand
 *  in for being right (Phi-4-Mini-Reasoning, arXiv 2504.21233, wants prompts of uniform response length; how it measures
 *  that is not published). A row without the ids of its rollouts cannot be told and is dropped. */
export function filterRolloutLength({
  least,
  most,
  spread,
}: FilterRolloutLengthOptions): Stage<typeof needs, NoColumns> {
  if (!(least >= 0 && most >= least && spread >= 1)) {
    throw new FulcrumError(
      'config',
      `filterRolloutLength has lengths ${least} to ${most} and spread ${spread}`,
      'The least must be from 0, the most not below it, the spread from 1.',
    )
  }
  return filter({
    name: 'filterRolloutLength',
    needs,
    options: { least, most, spread },
    reject: ({ gate_rollout_ids: rollouts }) => {
      if (rollouts === null || rollouts.length === 0) return 'lengths of rollouts unknown'
      const lengths = rollouts.map((ids) => ids.length)
      const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
      if (mean < least) return `rollouts too short: under ${least} tokens on average`
      if (mean > most) return `rollouts too long: over ${most} tokens on average`
      const uneven = Math.max(...lengths) > spread * Math.max(1, Math.min(...lengths))
      return uneven ? `rollouts of unlike length: longest over ${spread} times the shortest` : null
    },
  })
}
