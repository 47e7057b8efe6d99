import { z } from 'zod'
import { backendNames } from '../nn/backend.ts'

const count = () => z.int().min(1)

/** Options of GRPO. Of Phi-4-reasoning-plus are: 8 rollouts, 64 problems, 90 steps, 10 of warm-up, temperature 1, KL
 *  and entropy weights 0.001. Its rate, 5e-8, is for 14 billion parameters; rate, clip and what moves AdamW here are ours. */
export const grpoOptions = z.object({
  out: z.string().describe('folder for the trained model, its log and its loss curve'),
  backend: z
    .enum(['auto', ...backendNames])
    .default('auto')
    .describe('tensor backend'),
  steps: count().default(90).describe('rounds of rollouts'),
  batchSize: count().default(64).describe('problems a step'),
  groupSize: z.int().min(2).default(8).describe('rollouts of a problem'),
  microBatchSize: count().default(16).describe('rollouts in memory at once'),
  updates: count().default(1).describe('optimiser steps on the rollouts of a step'),
  temperature: z.number().positive().default(1).describe('temperature of the rollouts and of the policy'),
  maxTokens: count().default(512).describe('longest rollout, tokens'),
  learningRate: z.number().positive().default(1e-6).describe('peak learning rate'),
  warmupSteps: z.int().min(0).default(10).describe('steps until the full learning rate'),
  decay: z.enum(['cosine', 'linear', 'constant']).default('constant').describe('how the learning rate falls'),
  weightDecay: z.number().min(0).default(0).describe('AdamW weight decay'),
  clipNorm: z.number().positive().default(1).describe('gradients are scaled down to this norm'),
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
    .describe('step whose model is kept, as step-N in the folder'),
  seed: z.int().min(0).default(0).describe('seed of the order of problems and of every rollout'),
  checkpointEvery: count().default(10).describe('steps between checkpoints'),
})

export type GrpoOptions = z.output<typeof grpoOptions>
