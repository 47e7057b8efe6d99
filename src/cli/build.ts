import { loadPipeline } from '../pipeline/load.ts'
import { closeModels } from '../pipeline/plan.ts'
import { runPipeline } from '../pipeline/run.ts'
import type { Terminal } from './command.ts'
import { progressOf } from './progress.ts'
import { planFrom } from './run.ts'

export interface BuildOptions {
  readonly out: string
  readonly seed: number
  /** Stage to stop after; all of them unless given. */
  readonly until?: string
  /** The pipeline's own options, where they are not its defaults. */
  readonly with?: Readonly<Record<string, unknown>>
}

/** Runs the pipeline of the quickstart as a part of a command; gives the manifest's path. */
export async function buildDataset(options: BuildOptions, terminal: Terminal): Promise<string> {
  const definition = await loadPipeline('quickstart')
  const { plan, pipeline } = await planFrom({
    options: { seed: options.seed, shardRows: 32, until: options.until, json: false },
    positionals: [],
    pipeline: { definition, options: definition.options.parse(options.with ?? {}) },
  })
  const { watch, end } = progressOf(plan, terminal)
  try {
    const run = { out: options.out, signal: terminal.signal, watch }
    const { manifestPath } = await runPipeline(pipeline, plan, run)
    end()
    return manifestPath
  } finally {
    await closeModels(plan.steps)
  }
}
