import { dirname } from 'node:path'
import { filter } from '../../pipeline/constructors.ts'
import { Pipeline } from '../../pipeline/pipeline.ts'
import { planPipeline } from '../../pipeline/plan.ts'
import { runPipeline } from '../../pipeline/run.ts'
import type { Columns } from '../../record/columns.ts'
import type { Shape } from '../../record/shape.ts'
import { FulcrumError } from '../../errors.ts'
import { type Manifest, readManifest } from '../../store/manifest.ts'
import { type Budget, checkBudget, withinBudget } from './budget.ts'
import { type Estimated, type Estimates, estimatesOf, estimatesSource } from './estimates.ts'

export interface RefilterOptions {
  /** manifest.json of a run with a `teachable` stage. */
  readonly manifest: string
  readonly low: number
  readonly high: number
  /** What must lie in the band: the pass rate, its whole interval, or any of it. */
  readonly by: 'rate' | 'sure' | 'possible'
  /** Dataset of the run; `pass_rates`, or the only one with pass rates, unless given. */
  readonly config?: string | undefined
  readonly budget?: Budget | undefined
  /** Folder of the new dataset. */
  readonly out: string
  readonly signal?: AbortSignal
}

export interface Refiltered {
  readonly manifestPath: string
  readonly config: string
  /** Rows with an estimate, kept and dropped ones. */
  readonly estimated: number
  readonly kept: number
  /** Of the kept rows, those that the first band had dropped. */
  readonly restored: number
  /** Rows whose interval holds an edge of the band: more rollouts could move them. */
  readonly undecided: number
  /** Rows in the band that later stages never saw, and that so lack columns of the dataset. */
  readonly incomplete: number
}

/** Cuts the band again from stored estimates, of kept and dropped rows alike, into a new dataset with manifest. No model is
 *  asked. What other stages dropped stays dropped, and is carried over with its reason. */
export async function refilter(of: RefilterOptions): Promise<Refiltered> {
  const { low, high, by, budget, out, signal } = of
  if (!(low >= 0 && low <= high && high <= 1))
    throw new FulcrumError(
      'config',
      `There is no band from ${low} to ${high}`,
      'Wanted: 0 <= low <= high <= 1.',
    )
  if (budget !== undefined) checkBudget(budget)
  const manifest = await readManifest(of.manifest)
  const estimates = estimatesOf(manifest, dirname(of.manifest), of.config)
  const { reasons, ...counts } = await decide(estimates, of)
  const why = new WeakMap<object, string | null>()
  const source = estimatesSource(estimates, (row, ordinal) => why.set(row, reasons[ordinal] ?? null))
  const shape: Shape<Columns, Columns> = {
    config: estimates.config,
    needs: estimates.columns,
    columns: estimates.columns,
    rows: (row) => [row],
  }
  const stage = filter<Columns>({
    name: 'refilter',
    needs: estimates.columns,
    options: { low, high, by, budget: budget ?? null, ...provenance(manifest) },
    reject: (row) => why.get(row) ?? null,
  })
  const pipeline = Pipeline.from(source).through(stage).into(shape)
  const plan = await planPipeline(pipeline, {
    name: `${manifest.name}-refiltered`,
    seed: manifest.seed,
    shardRows: 4096,
  })
  const { manifestPath } = await runPipeline(pipeline, plan, { out, ...(signal && { signal }) })
  return { manifestPath, config: estimates.config, ...counts }
}

/** The run that measured. */
const provenance = ({ pipeline, models }: Manifest): Readonly<Record<string, unknown>> => ({
  measured_by: pipeline.config_sha256,
  models: models.map(({ id }) => id),
})

/** Of every stored record, in order, why it does not go on; null for those that do and those without an estimate. */
async function decide(
  estimates: Estimates,
  { low, high, by, budget }: RefilterOptions,
): Promise<Omit<Refiltered, 'manifestPath' | 'config'> & { readonly reasons: (string | null)[] }> {
  const reasons: (string | null)[] = []
  const fit: { readonly ordinal: number; readonly row: object; readonly wasDropped: boolean }[] = []
  let [estimated, undecided, incomplete] = [0, 0, 0]
  for await (const record of estimates.read()) {
    const ordinal = reasons.length
    reasons.push(null)
    if ('droppedBy' in record) continue
    estimated++
    const estimate = estimateOf(record)
    if ([low, high].some((edge) => estimate.low < edge && edge < estimate.high)) undecided++
    const outside = sideOf(estimate, { low, high, by })
    if (outside === null && record.lacks.length > 0) incomplete++
    const reason = outside ?? (record.lacks.length > 0 ? lacking(record) : null)
    reasons[ordinal] = reason
    if (reason === null) fit.push({ ordinal, row: slim(record.row, budget), wasDropped: record.wasDropped })
  }
  const stays =
    budget === undefined
      ? fit.map(() => true)
      : withinBudget(
          fit.map(({ row }) => row),
          budget,
        )
  for (const [i, { ordinal }] of fit.entries())
    if (stays[i] === false) reasons[ordinal] = `beyond the budget of ${budget?.rows ?? 0} rows`
  const kept = fit.filter((_, i) => stays[i])
  const restored = kept.filter(({ wasDropped }) => wasDropped).length
  return { reasons, estimated, kept: kept.length, restored, undecided, incomplete }
}

const lacking = ({ lacks }: Estimated): string =>
  `in the band, but without columns of later stages: ${lacks.join(', ')}`

interface Rated {
  readonly rate: number
  readonly low: number
  readonly high: number
}

const estimateOf = ({ row }: Estimated): Rated => ({
  rate: Number(row.pass_rate),
  low: Number(row.pass_rate_low),
  high: Number(row.pass_rate_high),
})

/** Why an estimate is outside the band, or null. */
function sideOf(
  estimate: Rated,
  { low, high, by }: Pick<RefilterOptions, 'low' | 'high' | 'by'>,
): string | null {
  const [least, most] =
    by === 'rate'
      ? [estimate.rate, estimate.rate]
      : by === 'sure'
        ? [estimate.low, estimate.high]
        : [estimate.high, estimate.low]
  const what = by === 'rate' ? 'pass rate' : by === 'sure' ? 'interval reaches' : 'interval'
  if (least < low) return `too hard: ${what} under ${low}`
  return most > high ? `too easy: ${what} over ${high}` : null
}

/** What a budget looks at: rows with their rollouts would be too much to hold. */
function slim(row: Readonly<Record<string, unknown>>, budget: Budget | undefined): object {
  const names = [
    'pass_rate',
    'n_rollouts',
    'teachable_score',
    ...(budget?.quota ? [budget.quota.column] : []),
  ]
  return Object.fromEntries(names.filter((name) => name in row).map((name) => [name, row[name]]))
}
