import { basename, join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { closeModels, type Plan, planPipeline } from '../pipeline/plan.ts'
import { runPipeline } from '../pipeline/run.ts'
import { notesOf } from '../report/notes.ts'
import type { Manifest } from '../store/manifest.ts'
import { command, type Input } from './command.ts'
import { progressOf } from './progress.ts'
import { accountFor, batchOptions, ledger, paidText, spendingOptions } from './spending.ts'
import { formatCount, table } from './table.ts'

/** Options that decide what a run makes; `plan` has them too. */
export const planOptions = z.object({
  seed: z.int().min(0).default(0).describe('seed of every random draw'),
  shardRows: z.int().min(1).default(64).describe('input records a shard takes'),
  until: z.string().optional().describe('stop after this stage and write its rows as they are'),
  licence: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]*$/, 'wants a name as the Hub has it: mit, apache-2.0, cc-by-4.0')
    .optional()
    .describe('licence in the dataset card, as the Hub names it (that of the pipeline by default)'),
  json: z.boolean().default(false).describe('print JSON'),
})

const options = planOptions.extend({
  ...spendingOptions.shape,
  ...batchOptions.shape,
  ledger,
  out: z.string().optional().describe('folder of the run (default runs/NAME)'),
  shards: z
    .string()
    .regex(/^\d+\/\d+$/, 'wants i/n with i from 0 to n-1, as 0/2')
    .optional()
    .describe('do only part i of n of the shards, as 0/2'),
})

/** Runs a pipeline file, or goes on with a run that was cut off. */
export default command({
  name: 'run',
  summary: 'Build a dataset with a pipeline; the same command goes on with a run that was cut off',
  positionals: [{ name: 'PIPELINE', meaning: 'pipeline file (.ts or .js), or a name of fulcrum pipelines' }],
  options,
  takesPipeline: true,
  example: 'fulcrum run pipelines/quickstart.ts --problems problems.jsonl --out runs/mine',
  run: async (input, terminal) => {
    const { out, shards, json } = input.options
    const share = shards === undefined ? { index: 0, count: 1 } : shareFrom(shards)
    const { plan, pipeline } = await planFrom(input)
    const folder = out ?? join('runs', plan.until === null ? plan.name : `${plan.name}-until-${plan.until}`)
    terminal.tell(
      `${plan.name}: ${formatCount(rowsOf(plan))} records in ${plan.shards} shards, about ${formatCount(plan.expectedCalls)} completions -> ${folder}\n`,
    )
    for (const notice of plan.notices) terminal.tell(`Notice: ${notice}\n`)
    const { signal } = terminal
    const kept = input.options.ledger ? join(folder, 'ledger') : null
    const account = await accountFor(input.options, { name: basename(folder), ledger: kept, share }, terminal)
    const { watch, end } = progressOf(plan, terminal, account.purse)
    try {
      const result = await runPipeline(pipeline, plan, { out: folder, share, signal, watch, account })
      end()
      if (json) terminal.print(JSON.stringify(result, null, 2))
      else if (result.manifest === null)
        terminal.print(`This part is done; ${result.missing} of ${plan.shards} shards are still missing.`)
      else terminal.print(`${summaryOf(result.manifest)}\n\n${result.manifestPath}`)
      if (result.manifest !== null) refuseEmpty(result.manifest)
      return 0
    } finally {
      terminal.tell(paidText(account))
      await closeModels(plan.steps)
    }
  },
})

/** The plan that the arguments of `run` or `plan` ask for. */
export async function planFrom({ options: of, pipeline }: Input<z.output<typeof planOptions>>) {
  if (pipeline === null) throw new FulcrumError('config', 'No pipeline is given', 'Name a pipeline file.')
  const { definition } = pipeline
  const built = await definition.build(pipeline.options as never)
  const { seed, shardRows, until, licence = definition.licence } = of
  const { name, description } = definition
  const identity = { name, description, licence, options: { ...pipeline.options }, seed, shardRows, until }
  return { plan: await planPipeline(built, identity), pipeline: built }
}

const rowsOf = (plan: Plan): number => plan.inputs.reduce((sum, { rows }) => sum + rows, 0)

function shareFrom(text: string): { index: number; count: number } {
  const [index = 0, count = 0] = text.split('/').map(Number)
  if (index < count) return { index, count }
  throw new FulcrumError(
    'config',
    `--shards ${text}: there is no such part`,
    'Parts count from 0/n to (n-1)/n.',
  )
}

/** Rows in and out of each stage, what was dropped and why, what was written, and what the counters give to think. */
export function summaryOf(manifest: Manifest): string {
  const { stages } = manifest.pipeline
  const parts = [
    table([['stage', 'rows in', 'rows out'], ...stages.map((s) => [s.name, s.rows_in, s.rows_out])]),
    table([['dropped by', 'rows', 'reason'], ...dropsOf(manifest)]),
    table([
      ['dataset', 'rows', 'shards'],
      ...Object.entries(manifest.configs).map(([name, { rows, shards }]) => [name, rows, shards.length]),
    ]),
  ]
  return [...parts, ...notesOf(manifest.counters)].join('\n\n')
}

/** What follows a colon in a reason is of one row: the manifest and `removed` have it. */
function dropsOf(manifest: Manifest): [string, number, string][] {
  const merged = new Map<string, [string, number, string]>()
  for (const { stage, reason, rows } of manifest.removed.by_reason) {
    const [kind = ''] = reason.split(':')
    const key = JSON.stringify([stage, kind])
    merged.set(key, [stage, rows + (merged.get(key)?.[1] ?? 0), kind])
  }
  return [...merged.values()].sort((a, b) => b[1] - a[1])
}

/** A finished run without one row is an error: whoever reads the dataset next should not find out. */
function refuseEmpty(manifest: Manifest): void {
  if (Object.values(manifest.configs).some(({ rows }) => rows > 0)) return
  const [worst] = [...manifest.removed.by_reason].sort((a, b) => b.rows - a.rows)
  const most =
    worst === undefined ? '' : `; most rows (${worst.rows}) went at ${worst.stage}: ${worst.reason}`
  throw new FulcrumError(
    'data',
    `The run is finished and no row is left${most}`,
    'The table says what was dropped and why; loosen that stage, or give other input.',
  )
}
