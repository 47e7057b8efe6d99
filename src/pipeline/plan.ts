import { createHash } from 'node:crypto'
import { FulcrumError } from '../errors.ts'
import { type Grade, gradeOf, type Model } from '../model/model.ts'
import { type Columns, typeName } from '../record/columns.ts'
import { orderNotices } from './order.ts'
import type { Pipeline, Step } from './pipeline.ts'
import { type InputSummary, surveyInputs } from './source.ts'
import type { Stage } from './stage.ts'

export interface PlanOptions {
  readonly name: string
  /** The pipeline's own options, for the identity of the run and the manifest. */
  readonly options?: Readonly<Record<string, unknown>>
  readonly seed: number
  /** Source records a shard takes. */
  readonly shardRows: number
  /** Stop after this stage and write its rows as they are. */
  readonly until?: string | undefined
  /** What the dataset is, for its card. */
  readonly description?: string | undefined
  /** Licence of the dataset as the Hub names it, for its card. */
  readonly licence?: string | undefined
}

/** Model completions expected of a stage, if no row is dropped and none becomes several. */
export interface Calls {
  readonly stage: string
  readonly completions: number
  /** They are the most that the stage may take of all rows together; without its cap it would be expected to take more. */
  readonly capped: boolean
}

/** Everything that decides the output, fixed before anything is spent. */
export interface Plan {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
  readonly seed: number
  readonly shardRows: number
  readonly shards: number
  readonly inputs: readonly InputSummary[]
  readonly steps: readonly Step[]
  readonly until: string | null
  readonly description?: string
  readonly licence?: string
  /** Columns of a row after the last step. */
  readonly columns: Columns
  readonly models: readonly string[]
  /** Of each of the models, how exact it is: token ids and scores, or text. */
  readonly grades: Readonly<Record<string, Grade['grade']>>
  /** Of each stage, in order. */
  readonly calls: readonly Calls[]
  /** Their sum. */
  readonly expectedCalls: number
  /** What a run would better do otherwise, in sentences. */
  readonly notices: readonly string[]
  /** Everything that decides the output, as JSON: two runs with equal identities write equal bytes. */
  readonly identity: Readonly<Record<string, unknown>>
  /** Of the identity, hex. */
  readonly configSha256: string
}

/** Surveys the inputs and fixes the plan of a run. */
export async function planPipeline(pipeline: Pipeline<Columns>, options: PlanOptions): Promise<Plan> {
  const inputs = await surveyInputs(pipeline.source)
  const rows = inputs.reduce((sum, input) => sum + input.rows, 0)
  if (rows === 0) {
    const files = inputs.map(({ file }) => file).join(', ')
    throw new FulcrumError(
      'data',
      `There are no records in ${files}`,
      'Give a file with at least one record.',
    )
  }
  const steps = cut(pipeline.steps, options.until)
  const stages = stagesOf(steps)
  const models = [...new Set(stages.flatMap((stage) => (stage.models ?? []).map(({ id }) => id)))]
  const identity = identityOf(pipeline, stages, steps, inputs, options)
  const calls = stages.map((stage) => callsOf(stage, rows))
  return {
    name: options.name,
    options: options.options ?? {},
    seed: options.seed,
    shardRows: options.shardRows,
    shards: Math.ceil(rows / options.shardRows),
    inputs,
    steps,
    until: options.until ?? null,
    ...(options.description !== undefined && { description: options.description }),
    ...(options.licence !== undefined && { licence: options.licence }),
    columns: stages.reduce<Columns>((have, stage) => ({ ...have, ...stage.adds }), pipeline.source.columns),
    models,
    grades: gradesOf(modelsOf(steps)),
    calls,
    expectedCalls: calls.reduce((sum, { completions }) => sum + completions, 0),
    notices: orderNotices(stages, pipeline.source.columns),
    identity,
    configSha256: createHash('sha256').update(JSON.stringify(identity)).digest('hex'),
  }
}

/** What a stage is expected to ask for this many rows. */
export function callsOf(
  { name, callsPerRow = 0, mostCalls = Infinity }: Stage<Columns, Columns>,
  rows: number,
): Calls {
  const wanted = callsPerRow * rows
  return { stage: name, completions: Math.min(wanted, mostCalls), capped: mostCalls < wanted }
}

function identityOf(
  { source }: Pipeline<Columns>,
  stages: readonly Stage<Columns, Columns>[],
  steps: readonly Step[],
  inputs: readonly InputSummary[],
  { name, options = {}, seed, shardRows, until, licence }: PlanOptions,
): Readonly<Record<string, unknown>> {
  const types = (columns: Columns): Record<string, string> =>
    Object.fromEntries(
      Object.entries(columns).map(([column, { type, nullable }]) => [
        column,
        `${typeName(type)}${nullable ? ' or null' : ''}`,
      ]),
    )
  return {
    format: 'fulcrum-plan/1',
    pipeline: name,
    options,
    seed,
    'rows a shard': shardRows,
    until: until ?? null,
    ...(licence !== undefined && { licence }),
    inputs: inputs.map(({ sha256 }) => sha256),
    source: types(source.columns),
    stages: stages.map((stage) => ({
      name: stage.name,
      options: stage.options ?? {},
      models: (stage.models ?? []).map(({ id }) => id),
      adds: types(stage.adds),
    })),
    configs: Object.fromEntries(
      steps.flatMap((step) =>
        step.kind === 'shape' ? [[step.shape.config, types(step.shape.columns)]] : [],
      ),
    ),
  }
}

/** The models that the stages hold, each once. */
export const modelsOf = (steps: readonly Step[]): Model[] => [
  ...new Set(stagesOf(steps).flatMap(({ models = [] }) => models)),
]

/** Of two models with one id the lower grade counts. */
function gradesOf(models: readonly Model[]): Record<string, Grade['grade']> {
  const grades: Record<string, Grade['grade']> = {}
  for (const model of models) if (grades[model.id] !== 'text') grades[model.id] = gradeOf(model).grade
  return grades
}

/** Gives up the models that the stages hold: worker threads and connections end. */
export async function closeModels(steps: readonly Step[]): Promise<void> {
  await Promise.all(modelsOf(steps).map((model) => model.close()))
}

/** The stages among the steps, in order. */
export function stagesOf(steps: readonly Step[]): Stage<Columns, Columns>[] {
  return steps.flatMap((step) => (step.kind === 'stage' ? [step.stage] : []))
}

function cut(steps: readonly Step[], until: string | undefined): readonly Step[] {
  if (until === undefined) return steps
  const at = steps.findIndex((step) => step.kind === 'stage' && step.stage.name === until)
  if (at >= 0) return steps.slice(0, at + 1)
  const names = stagesOf(steps).map(({ name }) => name)
  throw new FulcrumError(
    'config',
    `There is no stage ${until}`,
    `Stages of this pipeline: ${names.join(', ')}.`,
  )
}
