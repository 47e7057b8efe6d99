import { z } from 'zod'
import { locate } from '../store/bundled.ts'
import { sha256OfFile } from '../store/files.ts'
import { openExamples, openPairs, readProblemRows } from '../train/data.ts'
import { trainDpo } from '../train/dpo.ts'
import { readEvaluationProblems } from '../train/evaluate.ts'
import { type GrpoOptions, grpoOptions } from '../train/grpo-options.ts'
import { trainGrpo } from '../train/grpo.ts'
import { trainSft } from '../train/sft.ts'
import { openVerifier, verifierNames } from '../verify/open.ts'
import { command } from './command.ts'
import { dataOptions, openMixture, openStart, tellEnd, trainingOptions } from './training.ts'

/** Supervised fine-tuning on built datasets. */
export const sft = command({
  name: 'train sft',
  summary: 'Fine-tune a model on completions; the same command goes on with a run that was cut off',
  positionals: [],
  options: z.object({
    ...dataOptions,
    ...trainingOptions,
    config: z.string().default('sft_text').describe('dataset config'),
    learningRate: z.number().positive().default(1e-4).describe('peak learning rate'),
  }),
  example:
    'fulcrum train sft --data runs/mine/manifest.json --model datasets/models/student --out models/sft',
  run: async ({ options }, terminal) => {
    const { start, learner } = await openStart(options)
    const data = await openMixture(options, (source) => openExamples(source, learner), terminal)
    const { signal } = terminal
    return tellEnd(options.out, terminal, (onStep) => trainSft({ ...start, data, signal, onStep }))
  },
})

/** Preference training on built datasets. */
export const dpo = command({
  name: 'train dpo',
  summary: 'Train a model on preference pairs, by their exact token ids',
  positionals: [],
  options: z.object({
    ...dataOptions,
    ...trainingOptions,
    config: z.string().default('dpo_pivotal').describe('dataset config'),
    learningRate: z.number().positive().default(1e-5).describe('peak learning rate'),
    beta: z.number().positive().default(0.1).describe('strength of the pull to the starting model'),
    nllWeight: z.number().min(0).default(0).describe("weight of the chosen side's token loss"),
    labelSmoothing: z
      .number()
      .min(0)
      .max(0.5)
      .default(0)
      .describe('share of pairs taken to be the wrong way round'),
  }),
  example:
    'fulcrum train dpo --data runs/mine/manifest.json --model datasets/models/student --out models/dpo',
  run: async ({ options }, terminal) => {
    const { start, learner } = await openStart(options)
    const data = await openMixture(options, (source) => openPairs(source, learner), terminal)
    const { beta, nllWeight, labelSmoothing } = options
    const settings = { ...start.options, beta, nllWeight, labelSmoothing }
    const { signal } = terminal
    return tellEnd(options.out, terminal, (onStep) =>
      trainDpo({ ...start, options: settings, data, signal, onStep }),
    )
  },
})

/** Reinforcement learning on problems whose answers can be checked. */
export const grpo = command({
  name: 'train grpo',
  summary: 'Train a model on its own rollouts, rewarded by a verifier, with the length-aware reward of Phi-4',
  positionals: [],
  options: z
    .object({
      problems: z.string().optional().describe('JSONL or Parquet with problem and answer'),
      data: z.string().optional().describe('manifest.json of a built dataset, in place of --problems'),
      config: z.string().default('sft_text').describe('dataset config; any with problem and answer'),
      verifier: z.enum(verifierNames).default('numeric').describe('how answers are compared'),
      ...trainingOptions,
      batchSize: trainingOptions.batchSize.default(64).describe('problems a round'),
      microBatchSize: trainingOptions.microBatchSize.default(16).describe('rollouts in memory at once'),
      decay: trainingOptions.decay.default('constant').describe('how the learning rate falls'),
      weightDecay: trainingOptions.weightDecay.default(0).describe('AdamW weight decay'),
      seed: trainingOptions.seed.describe('seed of the order of problems and of every rollout'),
      checkpointEvery: trainingOptions.checkpointEvery.default(10).describe('steps between checkpoints'),
      learningRate: z
        .number()
        .positive()
        .default(1e-6)
        .describe('peak learning rate; Phi-4-reasoning-plus, 14 billion parameters, has 5e-8'),
      ...grpoOptions,
    })
    .refine(({ problems, data }) => (problems === undefined) !== (data === undefined), {
      message: 'Give --problems or --data, one of the two',
    }),
  example:
    'fulcrum train grpo --problems problems.jsonl --model models/dpo --out models/grpo --max-tokens 96',
  run: async ({ options: parsed }, terminal) => {
    const { start, learner } = await openStart(parsed)
    const { problems: file, data, config } = parsed
    const problems =
      data === undefined
        ? await readEvaluationProblems(locate(file ?? ''))
        : await readProblemRows(data, config)
    const dataId =
      data === undefined ? await sha256OfFile(locate(file ?? '')) : `${await sha256OfFile(data)}/${config}`
    const own = Object.fromEntries(
      Object.keys(grpoOptions).map((name) => [name, parsed[name as keyof typeof parsed]]),
    )
    const options = { ...start.options, ...own } as GrpoOptions
    const { tokenizer } = learner
    const verifier = await openVerifier(parsed.verifier)
    const input = { ...start, options, dataId, problems, tokenizer, verifier }
    const { signal } = terminal
    try {
      return await tellEnd(parsed.out, terminal, (onStep) => trainGrpo({ ...input, signal, onStep }))
    } finally {
      await verifier.close?.()
    }
  },
})
