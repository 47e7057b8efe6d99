import { join } from 'node:path'
import { z } from 'zod'
import { localModel } from '../model/local.ts'
import { type LoadedCheckpoint, loadCheckpoint } from '../nn/checkpoint.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import { share } from '../statistics/estimate.ts'
import { signFlipExact } from '../statistics/sign-flip.ts'
import { locate } from '../store/bundled.ts'
import { sha256OfFile, writeWhole } from '../store/files.ts'
import { lineChart } from '../train/chart.ts'
import { type Learner, openExamples, openPairs } from '../train/data.ts'
import { trainDpo } from '../train/dpo.ts'
import { evaluate, type Evaluation, readEvaluationProblems } from '../train/evaluate.ts'
import { grpoOptions } from '../train/grpo-options.ts'
import { trainGrpo } from '../train/grpo.ts'
import type { TrainingOptions } from '../train/loop.ts'
import { trainSft } from '../train/sft.ts'
import { numericAnswer } from '../verify/verifier.ts'
import { buildDataset } from './build.ts'
import { command, type Terminal } from './command.ts'
import { table } from './table.ts'

const student = 'datasets/models/student'

/** The longest answer, tokens. */
const maxTokens = 96

/** Everything here was chosen on the development problems (docs/log.md), never on the held-out ones. */
const training: Omit<TrainingOptions, 'out' | 'learningRate'> = {
  backend: 'auto',
  workers: 1,
  batchSize: 16,
  microBatchSize: 16,
  recompute: false,
  lora: null,
  warmupSteps: 3,
  decay: 'linear',
  weightDecay: 0,
  clipNorm: 1,
  seed: 0,
  checkpointEvery: 30,
}
const sft = { learningRate: 1e-4, epochs: 1 }
const dpo = { learningRate: 6e-5, epochs: 4, beta: 0.3, nllWeight: 0.5, labelSmoothing: 0 }
const grpo = {
  ...{ learningRate: 5e-5, decay: 'constant' as const, warmupSteps: 10 },
  ...{ batchSize: 8, microBatchSize: 32, workers: 2 },
}

const schema = z.object({
  out: z.string().default('runs/recipe').describe('folder of the run'),
  seed: z.int().min(0).default(0).describe('seed of every random draw'),
  steps: z
    .array(z.coerce.number().int().min(1))
    .default([10, 30, 90])
    .describe('GRPO steps to measure after; the largest is how many are made'),
  problems: z
    .string()
    .default('datasets/arithmetic/problems.jsonl')
    .describe('JSONL or Parquet with problem and answer, to train on'),
  measureOn: z
    .string()
    .default('datasets/arithmetic/held-out.jsonl')
    .describe('problems to measure on, that no stage saw'),
  most: z.int().min(1).default(1000).describe('how many of those at most'),
})

/** SFT, pivotal DPO and GRPO, one after the other, on the models and problems that ship. */
export default command({
  name: 'recipe',
  summary: 'SFT, pivotal DPO and GRPO of the shipped student one after the other, measured after each',
  positionals: [],
  options: schema,
  example: 'fulcrum recipe --out runs/recipe',
  run: async ({ options }, terminal) => {
    const stages = await trainStages(options, terminal)
    const problems = (await readEvaluationProblems(locate(options.measureOn))).slice(0, options.most)
    const measured: Measured[] = []
    for (const stage of stages) {
      terminal.tell(`Measuring ${stage.name} on ${problems.length} problems\n`)
      measured.push({ ...stage, ...(await measure(stage.folder, problems, options.seed, terminal)) })
    }
    const file = join(options.out, 'recipe.json')
    await writeWhole(file, `${JSON.stringify({ ...options, stages: measured.map(numbersOf) }, null, 2)}\n`)
    await writeWhole(join(options.out, 'recipe.svg'), chart(measured))
    terminal.print(tableOf(measured))
    terminal.print(`models and figures  ${options.out}`)
    return 0
  },
})

interface Stage {
  readonly name: string
  readonly folder: string
}

/** Trains one stage on the one before it; each goes on where it was cut off. The student comes first, as it is. */
async function trainStages(
  { out, seed, steps, problems }: z.output<typeof schema>,
  terminal: Terminal,
): Promise<Stage[]> {
  const { tell, signal } = terminal
  const start = { name: 'student', folder: locate(student) }

  tell('SFT: teacher traces that are right and leak nothing\n')
  const traces = await buildDataset(
    { out: join(out, 'traces'), seed, until: 'decontaminate', with: { problems } },
    terminal,
  )
  const fineTuned = { name: 'SFT', folder: join(out, 'sft') }
  const first = await learner(start.folder)
  const examples = await openExamples({ manifest: traces, config: 'until-decontaminate', out }, first)
  await trainSft({
    ...first.input,
    data: [{ items: examples, epochs: sft.epochs }],
    options: { ...training, ...sft, seed, out: fineTuned.folder },
    signal,
  })

  tell('DPO: pivotal tokens of the fine-tuned student\n')
  const search = { out: join(out, 'pairs'), seed, with: { problems, student: fineTuned.folder } }
  const manifest = await buildDataset(search, terminal)
  const preferring = { name: 'pivotal DPO', folder: join(out, 'dpo') }
  const second = await learner(fineTuned.folder)
  const pairs = await openPairs({ manifest, config: 'dpo_pivotal', out }, second)
  await trainDpo({
    ...second.input,
    data: [{ items: pairs, epochs: dpo.epochs }],
    options: { ...training, ...dpo, seed, out: preferring.folder },
    signal,
  })

  const counts = [...new Set(steps)].sort((a, b) => a - b)
  const last = counts.at(-1) ?? 0
  if (last === 0) return [start, fineTuned, preferring]
  tell(`GRPO: ${last} steps on the same problems\n`)
  const folder = join(out, 'grpo')
  const third = await learner(preferring.folder)
  const own = z.object(grpoOptions).parse({ steps: last, maxTokens, snapshots: counts.slice(0, -1) })
  await trainGrpo({
    ...third.input,
    tokenizer: third.tokenizer,
    problems: await readEvaluationProblems(locate(problems)),
    dataId: await sha256OfFile(locate(problems)),
    verifier: numericAnswer,
    options: { ...training, ...own, ...grpo, seed, out: folder },
    signal,
  })
  const swept = counts.map((step) => ({
    name: `GRPO, ${step} steps`,
    folder: step === last ? folder : join(folder, `step-${step}`),
  }))
  return [start, fineTuned, preferring, ...swept]
}

async function learner(
  folder: string,
): Promise<Learner & { input: { model: LoadedCheckpoint; modelId: string; tokenizerFrom: string } }> {
  const model = await loadCheckpoint(folder)
  const input = { model, modelId: model.sha256, tokenizerFrom: folder }
  return { config: model.config, tokenizer: await loadTokenizer(folder), input }
}

interface Measured extends Stage {
  /** One completion a problem at temperature 1. */
  readonly sampled: Evaluation
  readonly greedy: Evaluation
}

async function measure(
  folder: string,
  problems: Awaited<ReturnType<typeof readEvaluationProblems>>,
  seed: number,
  { signal }: Terminal,
): Promise<Pick<Measured, 'sampled' | 'greedy'>> {
  const model = await localModel(folder)
  try {
    const rule = { topP: 1, topK: 0, maxTokens, seed, signal }
    const at = (temperature: number): Promise<Evaluation> =>
      evaluate({ model, problems, verifier: numericAnswer, temperature, ...rule })
    return { sampled: await at(1), greedy: await at(0) }
  } finally {
    await model.close()
  }
}

const lengthOf = ({ sampled: { results } }: Measured): number =>
  results.reduce((sum, { completions }) => sum + (completions[0]?.tokens ?? 0), 0) / results.length

/** McNemar's exact test of a stage against the one before it, sampled; null for the first. */
function pValue(measured: readonly Measured[], at: number): number | null {
  const [before, after] = [measured[at - 1], measured[at]]
  if (before === undefined || after === undefined) return null
  const differences = after.sampled.results.map(
    ({ correct }, i) => Number(correct) - Number(before.sampled.results[i]?.correct),
  )
  return signFlipExact(differences)
}

function numbersOf(stage: Measured, at: number, all: readonly Measured[]): object {
  const numbers = ({ passed, interval, truncated, unparsed }: Evaluation) => ({
    passed,
    interval,
    truncated,
    unparsed,
  })
  return {
    ...{ stage: stage.name, folder: stage.folder, model: stage.sampled.model, mean_tokens: lengthOf(stage) },
    ...{
      sampled: numbers(stage.sampled),
      greedy: numbers(stage.greedy),
      p_value_against_previous: pValue(all, at),
    },
  }
}

function tableOf(measured: readonly Measured[]): string {
  const rate = ({ passed, interval: { low, high } }: Evaluation): string[] => [
    share(passed).toFixed(3),
    `${low.toFixed(3)} to ${high.toFixed(3)}`,
  ]
  const head = [
    'stage',
    'T = 1',
    '95 % (Wilson)',
    'greedy',
    '95 % (Wilson)',
    'tokens',
    'p, T = 1, to the one before',
  ]
  const rows = measured.map((stage, at) => [
    stage.name,
    ...rate(stage.sampled),
    ...rate(stage.greedy),
    lengthOf(stage).toFixed(1),
    pValue(measured, at)?.toPrecision(2) ?? '',
  ])
  return table([head, ...rows])
}

function chart(measured: readonly Measured[]): string {
  const line = (name: 'sampled' | 'greedy') => ({
    name: name === 'sampled' ? 'T = 1' : 'greedy',
    points: measured.map((stage, x) => ({ x, y: share(stage[name].passed), ...stage[name].interval })),
  })
  const names = measured.map(({ name }, i) => `${i} ${name}`).join(', ')
  return lineChart([line('sampled'), line('greedy')], {
    title: `Pass rate after each stage: ${names}`,
    ...{ x: names, y: 'pass rate', range: [0, 1] },
  })
}
