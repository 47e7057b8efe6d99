import { z } from 'zod'
import { readPrices } from '../model/account/prices.ts'
import { closeModels, type Plan, stagesOf } from '../pipeline/plan.ts'
import { pricePlan, type Range, type StagePrice } from '../pipeline/price.ts'
import { requireBatches } from '../pipeline/fill-ledger.ts'
import { configsOf } from '../pipeline/shard.ts'
import { type Columns, typeName } from '../record/columns.ts'
import { command } from './command.ts'
import { planFrom, planOptions } from './run.ts'
import { batch, dollars, prices } from './spending.ts'
import { brief, formatCount, table } from './table.ts'

/** Prints what a run would do, and buys nothing. */
export default command({
  name: 'plan',
  summary: 'Show what a pipeline would do: stages, columns, model calls, shards',
  positionals: [{ name: 'PIPELINE', meaning: 'pipeline file (.ts or .js), or a name of fulcrum pipelines' }],
  options: planOptions.extend({
    price: z.boolean().default(false).describe('tokens and dollars that the run would take, from and to'),
    prices,
    batch,
  }),
  takesPipeline: true,
  example: 'fulcrum plan quickstart --samples 4',
  run: async (input, { print }) => {
    const { price, json } = input.options
    const { plan, pipeline } = await planFrom(input)
    await closeModels(plan.steps)
    const { prices: table, batch: batched } = input.options
    if (batched) requireBatches(plan)
    const priced = price ? await pricePlan(pipeline, plan, await readPrices(table), { batch: batched }) : null
    if (json) print(JSON.stringify(asJson(plan, priced), null, 2))
    else print(priced === null ? asText(plan) : `${asText(plan)}\n\n${priceText(priced)}`)
    return 0
  },
})

const asJson = (plan: Plan, priced: readonly StagePrice[] | null): object => ({
  ...plan,
  ...(priced !== null && { price: priced }),
  columns: undefined,
  steps: undefined,
  configs: Object.fromEntries(configsOf(plan).map(({ config, columns }) => [config, Object.keys(columns)])),
})

/** Ends of the ranges: answers of a tenth of their limit, and answers that all reach it. */
function priceText(stages: readonly StagePrice[]): string {
  if (stages.length === 0) return 'Nothing is paid for: no model is behind HTTP.'
  const range = ({ low, high }: Range): string => `${formatCount(low)} to ${formatCount(high)}`
  const money = (of: Range | null): string =>
    of === null ? 'unknown' : `${dollars(of.low)} to ${dollars(of.high)}`
  const rows = stages.map((one) => [
    one.stage,
    `${one.who}${one.batch === null ? '' : ' in batches'}`,
    one.requests,
    range(one.promptTokens),
    range(one.completionTokens),
    money(one.costUsd),
  ])
  const known = stages.flatMap(({ costUsd }) => (costUsd === null ? [] : [costUsd]))
  const total = known.reduce((a, b) => ({ low: a.low + b.low, high: a.high + b.high }), { low: 0, high: 0 })
  const unknown = [...new Set(stages.filter(({ costUsd }) => costUsd === null).map(({ who }) => who))]
  return [
    table([['stage', 'asks', 'requests', 'prompt tokens', 'completion tokens', 'dollars'], ...rows]),
    '',
    ...(known.length > 0
      ? [`Cost: ${money(total)}${unknown.length > 0 ? ', and what is unknown' : ''}.`]
      : []),
    ...(unknown.length > 0
      ? [`Cost unknown: ${unknown.join(', ')} has no price; give one with --prices FILE.`]
      : []),
    ...(stages.some((one) => one.batch === 'assumed' && one.costUsd !== null)
      ? ['In batches: half of the price of the table, which names none for batches.']
      : []),
    'From answers of a tenth of their limit to answers that all reach it, if no row is dropped.',
  ].join('\n')
}

/** The first names; every column has a line of its own below. */
function namesOf(columns: Columns): string {
  const names = Object.keys(columns)
  const more = names.length > 4 ? `, and ${names.length - 3} more` : ''
  return (more === '' ? names : names.slice(0, 3)).join(', ') + more || '-'
}

/** Where a number of the table is not what is expected but the most there can be. */
const capsOf = ({ calls }: Plan): string[] =>
  calls
    .filter(({ capped }) => capped)
    .map(
      ({ stage, completions }) =>
        `${stage} stops at ${formatCount(completions)}, its cap over all rows and shards.`,
    )

function asText(plan: Plan): string {
  const rows = plan.inputs.reduce((sum, input) => sum + input.rows, 0)
  const inputs = plan.inputs.map(
    (i) => `  ${i.file}: ${formatCount(i.rows)} records, ${i.malformed} malformed`,
  )
  const stages = stagesOf(plan.steps).map((stage, i) => [
    stage.name,
    namesOf(stage.needs),
    namesOf(stage.adds),
    plan.calls[i]?.completions ?? 0,
  ])
  const columns = Object.entries(plan.columns).map(([name, { type, nullable, meaning }]) => [
    `  ${name}`,
    `${brief(typeName(type), 32)}${nullable ? ' or null' : ''}`,
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
    ...capsOf(plan),
    '',
    'Columns of a row at the end:',
    table(columns),
    '',
    'Datasets written:',
    ...configs,
    '',
    `Models: ${plan.models.map((id) => `${id} (${plan.grades[id] ?? 'text'})`).join(', ') || 'none'}`,
    `About ${formatCount(plan.expectedCalls)} completions, if no row is dropped and none becomes several.`,
    ...plan.notices.map((notice) => `Notice: ${notice}`),
  ].join('\n')
}
