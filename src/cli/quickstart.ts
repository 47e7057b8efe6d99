import { join } from 'node:path'
import { z } from 'zod'
import { loadCheckpoint } from '../nn/checkpoint.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import { localModel } from '../model/local.ts'
import { loadPipeline } from '../pipeline/load.ts'
import { closeModels } from '../pipeline/plan.ts'
import { runPipeline } from '../pipeline/run.ts'
import { writeReport } from '../report/report.ts'
import { summaryTable } from '../report/summary.ts'
import { locate } from '../store/bundled.ts'
import { writeWhole } from '../store/files.ts'
import { openPairs } from '../train/data.ts'
import { type DpoOptions, trainDpo } from '../train/dpo.ts'
import { evaluate, type Evaluation, readEvaluationProblems } from '../train/evaluate.ts'
import { numericAnswer } from '../verify/verifier.ts'
import { command, type Terminal } from './command.ts'
import { progressOf } from './progress.ts'
import { planFrom } from './run.ts'

const student = 'datasets/models/student'
const heldOut = 'datasets/arithmetic/held-out.jsonl'

/** Chosen on the development problems (docs/log.md), never on the held-out ones. */
const training: Omit<DpoOptions, 'out'> = {
  backend: 'auto',
  workers: 1,
  batchSize: 16,
  microBatchSize: 16,
  recompute: false,
  lora: null,
  learningRate: 6e-5,
  warmupSteps: 3,
  decay: 'linear',
  weightDecay: 0,
  clipNorm: 1,
  seed: 0,
  checkpointEvery: 50,
  beta: 0.3,
  nllWeight: 0.5,
  labelSmoothing: 0,
}
const epochs = 4

/** The whole recipe on the models and problems that ship. */
export default command({
  name: 'quickstart',
  summary:
    'Problems to pivotal pairs to a trained student, measured before and after, on what ships with fulcrum',
  positionals: [],
  options: z.object({
    out: z.string().default('runs/quickstart').describe('folder of the run'),
    seed: z.int().min(0).default(0).describe('seed of every random draw'),
    problems: z.int().min(1).max(1000).default(1000).describe('held-out problems to evaluate on'),
  }),
  example: 'fulcrum quickstart --out runs/quickstart',
  run: async ({ options }, terminal) => {
    const { out, seed } = options
    const manifest = await buildPairs(out, seed, terminal)

    terminal.tell('Training the student on the pairs\n')
    const trained = join(out, 'model')
    await trainOnPairs(manifest, trained, terminal)

    terminal.tell(`Measuring before and after on ${options.problems} problems that no stage saw\n`)
    const problems = (await readEvaluationProblems(locate(heldOut))).slice(0, options.problems)
    const measure = (folder: string): Promise<Evaluation> => passRate(folder, problems, seed, terminal.signal)
    const evaluation = { before: await measure(locate(student)), after: await measure(trained) }
    await writeWhole(join(out, 'evaluation.json'), `${JSON.stringify(evaluation, null, 1)}\n`)

    const report = join(out, 'report.html')
    const data = await writeReport({ manifest, evaluation, log: join(trained, 'log.jsonl'), out: report })
    terminal.print(`\n${summaryTable(data, evaluation)}`)
    terminal.print(`dataset  ${manifest}\nmodel    ${trained}\nreport   ${report}`)
    return 0
  },
})

/** Runs pipelines/quickstart with its defaults; gives the manifest's path. */
async function buildPairs(out: string, seed: number, terminal: Terminal): Promise<string> {
  const definition = await loadPipeline('quickstart')
  const pipelineOptions = definition.options.parse({})
  const { plan, pipeline } = await planFrom({
    options: { seed, shardRows: 32, until: undefined, json: false },
    positionals: [],
    pipeline: { definition, options: pipelineOptions },
  })
  terminal.tell(`Building pivotal pairs from ${plan.inputs[0]?.rows ?? 0} problems -> ${out}\n`)
  const { watch, end } = progressOf(plan, terminal)
  try {
    const { manifestPath } = await runPipeline(pipeline, plan, { out, signal: terminal.signal, watch })
    end()
    return manifestPath
  } finally {
    await closeModels(plan.steps)
  }
}

async function trainOnPairs(manifest: string, out: string, { signal }: Terminal): Promise<void> {
  const folder = locate(student)
  const model = await loadCheckpoint(folder)
  const learner = { config: model.config, tokenizer: await loadTokenizer(folder) }
  await trainDpo({
    data: [{ items: await openPairs({ manifest, config: 'dpo_pivotal', out }, learner), epochs }],
    model,
    modelId: model.sha256,
    tokenizerFrom: folder,
    options: { ...training, out },
    signal,
  })
}

async function passRate(
  folder: string,
  problems: Awaited<ReturnType<typeof readEvaluationProblems>>,
  seed: number,
  signal: AbortSignal,
): Promise<Evaluation> {
  const model = await localModel(folder)
  try {
    const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 96 }
    return await evaluate({ model, problems, verifier: numericAnswer, ...sampler, seed, signal })
  } finally {
    await model.close()
  }
}
