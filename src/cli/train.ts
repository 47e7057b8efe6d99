import { z } from 'zod'
import { openExamples, openPairs } from '../train/data.ts'
import { trainDpo } from '../train/dpo.ts'
import { trainSft } from '../train/sft.ts'
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
