import { z } from 'zod'
import { backendNames } from '../nn/backend.ts'
import { type LoadedCheckpoint, loadCheckpoint } from '../nn/checkpoint.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import { locate } from '../store/bundled.ts'
import { sha256OfFile } from '../store/files.ts'
import { readPairs, readProblemRows, readSftExamples } from '../train/data.ts'
import { trainDpo } from '../train/dpo.ts'
import { readEvaluationProblems } from '../train/evaluate.ts'
import { grpoOptions } from '../train/grpo-options.ts'
import { trainGrpo } from '../train/grpo.ts'
import type { Progress } from '../train/loop.ts'
import { trainSft } from '../train/sft.ts'
import { verifiers } from '../verify/verifier.ts'
import { command, type Terminal } from './command.ts'
import { duration } from './progress.ts'

const shared = {
  data: z.string().describe('manifest.json of a built dataset'),
  model: z.string().describe('model folder to start from'),
  out: z.string().describe('folder for the trained model, its log and its loss curve'),
  backend: z
    .enum(['auto', ...backendNames])
    .default('auto')
    .describe('tensor backend'),
  batchSize: z.int().min(1).default(32).describe('examples a step'),
  microBatchSize: z.int().min(1).default(8).describe('examples in memory at once'),
  epochs: z.number().positive().default(1).describe('times over the data'),
  warmupSteps: z.int().min(0).default(10).describe('steps until the full learning rate'),
  decay: z.enum(['cosine', 'linear', 'constant']).default('cosine').describe('how the learning rate falls'),
  weightDecay: z.number().min(0).default(0.01).describe('AdamW weight decay'),
  clipNorm: z.number().positive().default(1).describe('gradients are scaled down to this norm'),
  seed: z.int().min(0).default(0).describe('seed of the order of examples'),
  checkpointEvery: z.int().min(1).default(100).describe('steps between checkpoints'),
}

/** Supervised fine-tuning on a built dataset. */
export const sft = command({
  name: 'train sft',
  summary: 'Fine-tune a model on completions; the same command goes on with a run that was cut off',
  positionals: [],
  options: z.object({
    ...shared,
    config: z.string().default('sft_text').describe('dataset config'),
    learningRate: z.number().positive().default(1e-4).describe('peak learning rate'),
  }),
  example:
    'fulcrum train sft --data runs/mine/manifest.json --model datasets/models/student --out models/sft',
  run: async ({ options }, terminal) => {
    const { start, examples } = await open(options.model, (tokenizer) =>
      readSftExamples(options.data, options.config, tokenizer),
    )
    const input = { ...start, dataId: await dataId(options), options: { ...options, out: options.out } }
    return tellEnd(options.out, terminal, (onStep) =>
      trainSft({ ...input, examples, signal: terminal.signal, onStep }),
    )
  },
})

/** Preference training on a built dataset. */
export const dpo = command({
  name: 'train dpo',
  summary: 'Train a model on preference pairs, by their exact token ids',
  positionals: [],
  options: z.object({
    ...shared,
    config: z.string().default('dpo_pivotal').describe('dataset config'),
    learningRate: z.number().positive().default(1e-5).describe('peak learning rate'),
    beta: z.number().positive().default(0.1).describe('strength of the pull to the starting model'),
    nllWeight: z.number().min(0).default(0).describe("weight of the chosen side's token loss"),
  }),
  example:
    'fulcrum train dpo --data runs/mine/manifest.json --model datasets/models/student --out models/dpo',
  run: async ({ options }, terminal) => {
    const { start, examples } = await open(options.model, (tokenizer) =>
      readPairs(options.data, options.config, tokenizer),
    )
    const input = { ...start, dataId: await dataId(options), options: { ...options, out: options.out } }
    return tellEnd(options.out, terminal, (onStep) =>
      trainDpo({ ...input, pairs: examples, signal: terminal.signal, onStep }),
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
      config: z.string().default('grpo').describe('dataset config; any with problem and answer'),
      model: shared.model,
      verifier: z.enum(['numeric', 'exact']).default('numeric').describe('how answers are compared'),
      ...grpoOptions.shape,
    })
    .refine(({ problems, data }) => (problems === undefined) !== (data === undefined), {
      message: 'Give --problems or --data, one of the two',
    }),
  example:
    'fulcrum train grpo --problems datasets/arithmetic/problems.jsonl --model models/dpo --out models/grpo --max-tokens 96',
  run: async ({ options: { problems: file, data, config, model, verifier, ...options } }, terminal) => {
    const { start, examples } = await open(model, () =>
      data === undefined ? readEvaluationProblems(locate(file ?? '')) : readProblemRows(data, config),
    )
    const tokenizer = await loadTokenizer(start.tokenizerFrom)
    const from = data === undefined ? await sha256OfFile(locate(file ?? '')) : await dataId({ data, config })
    const input = {
      ...start,
      dataId: from,
      tokenizer,
      verifier: verifiers[verifier],
      problems: examples,
      options,
    }
    return tellEnd(options.out, terminal, (onStep) =>
      trainGrpo({ ...input, signal: terminal.signal, onStep }),
    )
  },
})

const dataId = async ({ data, config }: { data: string; config: string }): Promise<string> =>
  `${await sha256OfFile(data)}/${config}`

async function open<T>(
  model: string,
  read: (tokenizer: Awaited<ReturnType<typeof loadTokenizer>>) => Promise<T>,
): Promise<{ start: { model: LoadedCheckpoint; modelId: string; tokenizerFrom: string }; examples: T }> {
  const folder = locate(model)
  const examples = await read(await loadTokenizer(folder))
  const checkpoint = await loadCheckpoint(folder)
  return { start: { model: checkpoint, modelId: checkpoint.sha256, tokenizerFrom: folder }, examples }
}

async function tellEnd(
  out: string,
  { print, tell, live, now }: Terminal,
  train: (onStep: (progress: Progress) => void) => Promise<{ steps: number; loss: number }>,
): Promise<0> {
  const start = now()
  let last = -Infinity
  const { steps, loss } = await train((at) => {
    if (now() - last < (live ? 200 : 5000) && at.step < at.steps) return
    last = now()
    const text = `step ${at.step}/${at.steps} | loss ${at.loss.toFixed(4)} | ${Math.round(at.tokensPerSecond)} tokens/s`
    tell(live ? `\r\x1b[2K${text}` : `${duration(now() - start)} ${text}\n`)
  })
  if (live) tell('\r\x1b[2K')
  print(`${steps} steps, loss ${loss.toFixed(4)}: ${out}`)
  return 0
}
