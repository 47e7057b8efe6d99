import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { type Refiltered, refilter } from '../stages/teachable/refilter.ts'
import { command } from './command.ts'
import { table } from './table.ts'

/** Cuts the band of pass rates again, without new rollouts. */
export default command({
  name: 'refilter',
  summary: 'Cut the band of pass rates again from stored estimates, without new rollouts',
  positionals: [{ name: 'MANIFEST', meaning: 'manifest.json of a finished run with a teachable stage' }],
  options: z.object({
    low: z.number().min(0).max(1).default(0.2).describe('lowest pass rate'),
    high: z.number().min(0).max(1).default(0.8).describe('highest pass rate'),
    by: z
      .enum(['rate', 'sure', 'possible'])
      .default('rate')
      .describe('what must lie in the band: the pass rate, its whole interval, or any of it'),
    config: z
      .string()
      .optional()
      .describe('dataset of the run; pass_rates, or the only one with pass rates, unless given'),
    budget: z.int().min(1).optional().describe('keep at most so many rows, those of most expected gain'),
    gain: z
      .enum(['uncertainty', 'score'])
      .default('uncertainty')
      .describe('expected gain: expected p (1 - p), or teachable_score'),
    domain: z.string().optional().describe('column whose values share the budget'),
    domainShare: z
      .number()
      .gt(0)
      .max(1)
      .default(0.5)
      .describe('largest share of the budget that one domain takes'),
    out: z.string().describe('folder of the new dataset'),
    json: z.boolean().default(false).describe('print JSON'),
  }),
  example: 'fulcrum refilter runs/mine/manifest.json --low 0.3 --high 0.7 --out runs/narrow',
  run: async ({ options, positionals }, terminal) => {
    const { low, high, by, config, budget: rows, gain, domain, domainShare, out, json } = options
    if (rows === undefined && domain !== undefined)
      throw new FulcrumError('config', '--domain shares no budget', 'Give --budget too.')
    const quota = domain === undefined ? null : { column: domain, share: domainShare }
    const result = await refilter({
      ...{ manifest: positionals[0] as string, low, high, by, config, out, signal: terminal.signal },
      budget: rows === undefined ? undefined : { rows, gain, quota },
    })
    if (result.kept === 0) terminal.tell('No row is left in this band.\n')
    if (result.incomplete > 0)
      terminal.tell(
        `${result.incomplete} rows are in the new band, but lack columns that later stages add: cut ${result.config} no wider, or start from pass_rates.\n`,
      )
    terminal.print(json ? JSON.stringify(result, null, 2) : summaryOf(result))
    return result.kept > 0 ? 0 : 1
  },
})

function summaryOf(of: Refiltered): string {
  const counts = table([
    [`rows of ${of.config} with a pass rate`, of.estimated],
    ['kept', of.kept],
    ['of these dropped before', of.restored],
    ['interval holds an edge', of.undecided],
  ])
  return `${counts}\n\n${of.manifestPath}`
}
