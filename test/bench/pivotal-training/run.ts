/** Does it help? DPO of the shipped student on pivotal pairs, on pairs of whole responses and on one-token pairs at random
 *  positions, at equal rollouts (not tokens: those of whole responses are the longest) and equal steps:
 *  `npm run experiment:pivotal -- --out runs/pivotal-training`. Each arm's learning rate and beta are chosen on the development
 *  problems by the same grid with the pairs of the first seed; what is reported comes from the held-out ones. A seed
 *  decides traces, rollouts, order of training and draws of the evaluation. */
import { setMaxListeners } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { localModel } from '../../../src/model/local.ts'
import { loadCheckpoint } from '../../../src/nn/checkpoint.ts'
import { loadTokenizer } from '../../../src/nn/tokenizer.ts'
import { loadPipeline } from '../../../src/pipeline/load.ts'
import { closeModels, planPipeline } from '../../../src/pipeline/plan.ts'
import { runPipeline } from '../../../src/pipeline/run.ts'
import { clusteredInterval, pairedDifference } from '../../../src/statistics/clustered.ts'
import { share } from '../../../src/statistics/estimate.ts'
import { locate } from '../../../src/store/bundled.ts'
import { type Manifest, readManifest } from '../../../src/store/manifest.ts'
import { readParquet } from '../../../src/store/parquet-reader.ts'
import { type PreferencePair, trainDpo } from '../../../src/train/dpo.ts'
import { evaluate, type Evaluation, readEvaluationProblems } from '../../../src/train/evaluate.ts'
import { inMemory } from '../../../src/train/items.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { type Arm, maxTokens, type Question, randomPositions, rule, wholeResponses } from './arms.ts'

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'runs/pivotal-training' },
    seeds: { type: 'string', default: '3' },
    heldOut: { type: 'string', default: '1000' },
  },
})
const student = locate('datasets/models/student')
const epochs = 4
const batchSize = 16
const grid = [2e-5, 6e-5, 2e-4].flatMap((learningRate) => [0.1, 0.3].map((beta) => ({ learningRate, beta })))
type Setting = (typeof grid)[number]
const names = ['pivotal', 'whole responses', 'random positions'] as const
type Name = (typeof names)[number]
type Arms = Name | 'student'

await mkdir(values.out, { recursive: true })
const development = await readEvaluationProblems(locate('datasets/arithmetic/development.jsonl'))
const heldOut = (await readEvaluationProblems(locate('datasets/arithmetic/held-out.jsonl'))).slice(
  0,
  Number(values.heldOut),
)

const settings = new Map<Name, Setting>()
const lines: object[] = []
/** By arm and seed, the pass rate of every held-out problem. */
const rates = new Map<Arms, number[][]>()
for (const arm of ['student', ...names] as const) rates.set(arm, [])
for (let seed = 0; seed < Number(values.seeds); seed++) {
  const arms = await armsOf(seed)
  const empty = names.filter((name) => arms[name].pairs.length === 0)
  if (empty.length > 0) throw new Error(`no pairs of ${empty.join(', ')}`)
  const steps = Math.max(1, Math.round((epochs * arms.pivotal.pairs.length) / batchSize))
  for (const name of names) {
    const { pairs, rollouts } = arms[name]
    const setting = settings.get(name) ?? (await choose(name, pairs, steps))
    settings.set(name, setting)
    const folder = await train(`${name}-${seed}`, pairs, steps, setting, seed)
    const { results, ...told } = await measured(folder, seed)
    rates.get(name)?.push(results)
    tell({ seed, arm: name, pairs: pairs.length, rollouts, steps, ...setting, ...told })
  }
  const { results, ...told } = await measured(student, seed)
  rates.get('student')?.push(results)
  tell({ seed, arm: 'student', ...told })
}
for (const arm of rates.keys()) tell(overall(arm))
await writeFile(join(values.out, 'result.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))

function tell(line: object): void {
  lines.push(line)
  console.log(JSON.stringify(line))
}

/** All seeds together: problems are the draws of the interval, and what differs between seeds is seen in their lines. */
function overall(arm: Arms): object {
  const own = meanOfSeeds(arm)
  const { low, high } = clusteredInterval(own, own.length * 4 * Number(values.seeds))
  const pivotal = meanOfSeeds('pivotal')
  const { mean, interval } = pairedDifference(pivotal.map((rate, i) => rate - (own[i] as number)))
  return {
    ...{ seed: 'all', arm, pass_rate: own.reduce((sum, rate) => sum + rate, 0) / own.length, low, high },
    ...{ pivotal_minus_it: mean, difference_low: interval.low, difference_high: interval.high },
  }
}

function meanOfSeeds(arm: Arms): number[] {
  const seeds = rates.get(arm) ?? []
  return heldOut.map((_, i) => seeds.reduce((sum, one) => sum + (one[i] as number), 0) / seeds.length)
}

async function measured(folder: string, seed: number) {
  const { passed, interval, results } = await measure(folder, heldOut, seed, 4)
  return { pass_rate: share(passed), ...interval, results: results.map((one) => share(one.passed)) }
}

async function armsOf(seed: number): Promise<Record<Name, Arm>> {
  const gated = await build(seed, 'teachable')
  const searched = await build(seed, undefined)
  const budget = rolloutsOf(searched.manifest) - rolloutsOf(gated.manifest)
  const questions = await questionsOf(gated)
  const pairs: PreferencePair[] = []
  for await (const row of rowsOf(searched, 'dpo_pivotal'))
    pairs.push({
      promptIds: row.prompt_ids as number[],
      chosenIds: row.chosen_ids as number[],
      rejectedIds: row.rejected_ids as number[],
    })
  const model = await localModel(student)
  try {
    return {
      pivotal: { pairs, rollouts: budget },
      'whole responses': await wholeResponses(model, questions, { seed, budget, most: 4 }),
      'random positions': await randomPositions(model, questions, { seed, budget, estimate: 64 }),
    }
  } finally {
    await model.close()
  }
}

interface Built {
  readonly folder: string
  readonly manifest: Manifest
}

/** The quickstart's dataset, or its rows after one stage. */
async function build(seed: number, until: string | undefined): Promise<Built> {
  const folder = join(values.out, `data-${until ?? 'all'}-${seed}`)
  const definition = await loadPipeline('quickstart')
  const options = definition.options.parse({})
  const pipeline = await definition.build(options)
  const plan = await planPipeline(pipeline, { name: definition.name, options, seed, shardRows: 32, until })
  try {
    const { signal } = new AbortController()
    setMaxListeners(0, signal)
    const { manifestPath } = await runPipeline(pipeline, plan, { out: folder, signal })
    return { folder, manifest: await readManifest(manifestPath) }
  } finally {
    await closeModels(plan.steps)
  }
}

function rolloutsOf({ counters }: Manifest): number {
  return counters.student_rollouts ?? 0
}

async function* rowsOf({ folder, manifest }: Built, config: string): AsyncGenerator<Record<string, unknown>> {
  for (const { file } of manifest.configs[config]?.shards ?? []) yield* readParquet(join(folder, file))
}

async function questionsOf(built: Built): Promise<Question[]> {
  const tokenizer = await loadTokenizer(student)
  const found = new Map<string, Question>()
  for await (const row of rowsOf(built, 'until-teachable')) {
    const { id, problem, answer, completion } = row as Record<string, string>
    if (id === undefined || problem === undefined || answer === undefined || completion === undefined)
      continue
    if (!found.has(id))
      found.set(id, { id, problem, answer, trace: [...tokenizer.encode(completion), tokenizer.eos.id] })
  }
  return [...found.values()]
}

/** The setting of the grid with the best pass rate on the development problems. */
async function choose(name: Name, pairs: readonly PreferencePair[], steps: number): Promise<Setting> {
  const tried: { setting: Setting; rate: number }[] = []
  for (const [i, setting] of grid.entries()) {
    const folder = await train(`${name}-grid-${i}`, pairs, steps, setting, 0)
    tried.push({ setting, rate: share((await measure(folder, development, 0, 4)).passed) })
    console.error(JSON.stringify({ arm: name, ...setting, development: tried.at(-1)?.rate }))
  }
  tried.sort((a, b) => b.rate - a.rate)
  return tried[0]?.setting as Setting
}

async function train(
  name: string,
  pairs: readonly PreferencePair[],
  steps: number,
  setting: Setting,
  seed: number,
): Promise<string> {
  const folder = join(values.out, 'models', name.replaceAll(' ', '-'))
  const model = await loadCheckpoint(student)
  await trainDpo({
    model,
    modelId: model.sha256,
    tokenizerFrom: student,
    data: [{ items: inMemory(`${name} ${pairs.length}`, pairs), epochs: (steps * batchSize) / pairs.length }],
    options: {
      ...{
        out: folder,
        seed,
        batchSize,
        microBatchSize: 16,
        backend: 'auto',
        workers: 1,
        recompute: false,
        lora: null,
      },
      ...{ warmupSteps: 3, decay: 'linear', weightDecay: 0, clipNorm: 1, checkpointEvery: 1000 },
      ...{ ...setting, nllWeight: 0.5, labelSmoothing: 0 },
    },
    signal: new AbortController().signal,
  })
  return folder
}

async function measure(
  folder: string,
  problems: Awaited<ReturnType<typeof readEvaluationProblems>>,
  seed: number,
  samples: number,
): Promise<Evaluation> {
  const model = await localModel(folder)
  try {
    return await evaluate({ model, problems, verifier: numericAnswer, samples, ...rule, maxTokens, seed })
  } finally {
    await model.close()
  }
}
