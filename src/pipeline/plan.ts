import { createHash } from 'node:crypto'
import { FulcrumError } from '../errors.ts'
import type { Columns } from '../record/columns.ts'
import type { Pipeline, Step } from './pipeline.ts'
import { type InputSummary, surveyInputs } from './source.ts'
import type { Stage } from './stage.ts'

export interface PlanOptions {
  readonly name: string
  readonly seed: number
  /** Source records a shard takes. */
  readonly shardRows: number
  /** Stop after this stage and write its rows as they are. */
  readonly until?: string | undefined
}

/** Everything that decides the output, fixed before anything is spent. */
export interface Plan {
  readonly name: string
  readonly seed: number
  readonly shardRows: number
  readonly shards: number
  readonly inputs: readonly InputSummary[]
  readonly steps: readonly Step[]
  readonly until: string | null
  /** Columns of a row after the last step. */
  readonly columns: Columns
  readonly models: readonly string[]
  /** Most model completions asked for, if no row is dropped. */
  readonly mostCalls: number
  /** Of all the above but names and paths of inputs, hex. */
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
  const identity = {
    format: 'fulcrum-plan/1',
    name: options.name,
    seed: options.seed,
    shardRows: options.shardRows,
    until: options.until ?? null,
    inputs: inputs.map(({ sha256 }) => sha256),
    stages: stages.map((stage) => ({
      name: stage.name,
      options: stage.options ?? {},
      models: (stage.models ?? []).map(({ id }) => id),
    })),
    configs: steps.flatMap((step) => (step.kind === 'shape' ? [step.shape.config] : [])),
  }
  return {
    name: options.name,
    seed: options.seed,
    shardRows: options.shardRows,
    shards: Math.ceil(rows / options.shardRows),
    inputs,
    steps,
    until: options.until ?? null,
    columns: stages.reduce<Columns>((have, stage) => ({ ...have, ...stage.adds }), pipeline.source.columns),
    models,
    mostCalls: stages.reduce((sum, stage) => sum + rows * (stage.callsPerRow ?? 0), 0),
    configSha256: createHash('sha256').update(JSON.stringify(identity)).digest('hex'),
  }
}

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
