import { dpoObjective } from './dpo.ts'
import type { Objective } from './objective.ts'
import { sftObjective } from './sft.ts'

/** Every objective by name: what a worker thread can be asked to compute. */
export const objectives = {
  sft: sftObjective,
  dpo: dpoObjective,
} as const satisfies Record<string, Objective<never, never>>

export type ObjectiveName = keyof typeof objectives
