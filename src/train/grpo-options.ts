import { z } from 'zod'
import type { TrainingOptions } from './loop.ts'

const count = () => z.int().min(1)

/** What GRPO adds to the options of a training. Of Phi-4-reasoning-plus are: 8 rollouts a problem, 90 steps, temperature
 *  1, KL and entropy weights 0.001. The clip and the deviation are the usual ones; the paper does not say. */
export const grpoOptions = {
  steps: count().default(90).describe('rounds of rollouts'),
  groupSize: z.int().min(2).default(8).describe('rollouts of a problem'),
  updates: count().default(1).describe('optimiser steps on the rollouts of a round'),
  temperature: z.number().positive().default(1).describe('temperature of the rollouts and of the policy'),
  maxTokens: count().default(512).describe('longest rollout, tokens'),
  clipLow: z.number().positive().default(0.2).describe('the ratio counts down to 1 minus this'),
  clipHigh: z.number().positive().default(0.2).describe('the ratio counts up to 1 plus this'),
  klWeight: z.number().min(0).default(0.001).describe('weight of the KL divergence from the reference'),
  reference: z
    .enum(['start', 'old'])
    .default('start')
    .describe('what KL is measured against: the starting model, or the policy that drew the rollouts'),
  entropyWeight: z.number().min(0).default(0.001).describe('weight of the entropy bonus'),
  deviation: z
    .enum(['population', 'sample'])
    .default('population')
    .describe('standard deviation that a group is divided by'),
  mean: z
    .enum(['response', 'token'])
    .default('response')
    .describe('what counts the same: every response (DeepSeekMath), or every token'),
  requireThinking: z.boolean().default(false).describe('a response without a <think> block is invalid'),
  lengthFree: count().optional().describe('a correct response is free up to here, tokens [in proportion]'),
  lengthMost: count()
    .optional()
    .describe('a correct response earns least from here, tokens [the longest rollout]'),
  lengthWrong: count().optional().describe('a wrong response loses least from here, tokens [in proportion]'),
  snapshots: z
    .array(z.coerce.number().int().min(1))
    .default([])
    .describe('round whose model is kept, as step-N in the folder; the last is the folder itself'),
}

/** The loop's options and GRPO's own; batchSize counts problems, microBatchSize and learningRate are as for the others. */
export type GrpoOptions = TrainingOptions & z.output<z.ZodObject<typeof grpoOptions>>
