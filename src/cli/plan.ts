import { closeModels, type Plan, stagesOf } from '../pipeline/plan.ts'
import { configsOf } from '../pipeline/shard.ts'
import { typeName } from '../record/columns.ts'
import { command } from './command.ts'
import { planFrom, planOptions } from './run.ts'
import { formatCount, table } from './table.ts'

/** Prints what a run would do, and buys nothing. */
export default command({
  name: 'plan',
  summary: 'Show what a pipeline would do: stages, columns, model calls, shards',
  positionals: [{ name: 'PIPELINE', meaning: 'pipeline file (.ts or .js), or quickstart' }],
  options: planOptions,
  takesPipeline: true,
  example: 'fulcrum plan quickstart --samples 4',
  run: async (input, { print }) => {
    const { plan } = await planFrom(input)
    await closeModels(plan.steps)
    print(input.options.json ? JSON.stringify(asJson(plan), null, 2) : asText(plan))
    return 0
  },
})

const asJson = (plan: Plan): object => ({
  ...plan,
  columns: undefined,
  steps: undefined,
  configs: Object.fromEntries(configsOf(plan).map(({ config, columns }) => [config, Object.keys(columns)])),
})

function asText(plan: Plan): string {
  const rows = plan.inputs.reduce((sum, input) => sum + input.rows, 0)
  const inputs = plan.inputs.map(
    (i) => `  ${i.file}: ${formatCount(i.rows)} records, ${i.malformed} malformed`,
  )
  const stages = stagesOf(plan.steps).map((stage) => [
    stage.name,
    Object.keys(stage.needs).join(', ') || '-',
    Object.keys(stage.adds).join(', ') || '-',
    (stage.callsPerRow ?? 0) * rows,
  ])
  const columns = Object.entries(plan.columns).map(([name, { type, nullable, meaning }]) => [
    `  ${name}`,
    `${typeName(type)}${nullable ? ' or null' : ''}`,
    meaning,
  ])
  const configs = configsOf(plan).map(
    ({ config, columns: of }) => `  ${config}: ${Object.keys(of).length} columns`,
  )
  return [
    `${plan.name}, seed ${plan.seed}, plan ${plan.configSha256.slice(0, 12)}`,
    `${formatCount(rows)} records in ${plan.shards} shards of at most ${plan.shardRows}:`,
    ...inputs,
    '',
    table([['stage', 'needs', 'adds', 'completions, about'], ...stages]),
    '',
    'Columns of a row at the end:',
    table(columns),
    '',
    'Datasets written:',
    ...configs,
    '',
    `Models: ${plan.models.join(', ') || 'none'}`,
    `About ${formatCount(plan.expectedCalls)} completions, if no row is dropped and none becomes several.`,
  ].join('\n')
}
