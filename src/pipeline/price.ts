import { batchPriceOf, costOf, type Price, priceOf } from '../model/account/prices.ts'
import type { Columns } from '../record/columns.ts'
import type { Pipeline } from './pipeline.ts'
import { callsOf, type Plan, stagesOf } from './plan.ts'
import type { Stage } from './stage.ts'

/** The least and the most of something. */
export interface Range {
  readonly low: number
  readonly high: number
}

/** What a stage is expected to ask of a model that costs something. */
export interface StagePrice {
  readonly stage: string
  readonly who: string
  /** Asked through the Batch API; at the table's own price for it, or at half of the other. */
  readonly batch: 'listed' | 'assumed' | null
  readonly requests: number
  readonly promptTokens: Range
  readonly completionTokens: Range
  /** US dollars; null where the model has no price. */
  readonly costUsd: Range | null
}

/** Rows that are looked at for the length of a prompt. */
const lookedAt = 200

/** Of the longest, the length an answer has at least, on average. A guess: answers are seldom nearer to their limit than
 *  this share of it, and the other end of the range is the limit itself. */
const shortAnswer = 0.1

/** Tokens, requests and dollars of a plan before anything is asked, if no row is dropped and none becomes several. */
export async function pricePlan(
  { source }: Pipeline<Columns>,
  plan: Plan,
  prices: readonly Price[],
  { batch = false }: { readonly batch?: boolean } = {},
): Promise<StagePrice[]> {
  const rows: Record<string, unknown>[] = []
  for await (const { row, reason } of source.rows()) {
    if (reason === null) rows.push(row)
    if (rows.length >= lookedAt) break
  }
  const all = plan.inputs.reduce((sum, input) => sum + input.rows, 0)
  return stagesOf(plan.steps).flatMap((stage) =>
    (stage.models ?? []).flatMap(({ paid }) =>
      paid === undefined || stage.asks === undefined
        ? []
        : [
            priceOfStage(stage, { ...stage.asks, ...paid }, rows, all, {
              price: priceOf(prices, paid.who),
              isBatched: batch && paid.batches,
            }),
          ],
    ),
  )
}

function priceOfStage(
  stage: Stage<Columns, Columns>,
  of: NonNullable<Stage<Columns, Columns>['asks']> & { readonly who: string; readonly atOnce: number },
  sample: readonly Record<string, unknown>[],
  rows: number,
  { price: live, isBatched }: { readonly price: Price | null; readonly isBatched: boolean },
): StagePrice {
  const price = live !== null && isBatched ? batchPriceOf(live) : live
  const { completions } = callsOf(stage, rows)
  // Under a cap as many completions a request as without one, and one at least.
  const asked = Math.ceil((completions * of.requestsPerRow) / (stage.callsPerRow ?? 1))
  const requests = of.atOnce === 1 ? completions : Math.min(completions, asked)
  const prompt = promptTokens(stage, sample)
  const tokens = {
    promptTokens: { low: requests * prompt, high: requests * (prompt + of.longestPrefix) },
    completionTokens: {
      low: Math.ceil(completions * of.maxTokens * shortAnswer),
      high: completions * of.maxTokens,
    },
  }
  const cost = (end: keyof Range): number | null =>
    price &&
    costOf(price, {
      promptTokens: tokens.promptTokens[end],
      cachedTokens: 0,
      completionTokens: tokens.completionTokens[end],
      reasoningTokens: 0,
    })
  const [low, high] = [cost('low'), cost('high')]
  const costUsd = low === null || high === null ? null : { low, high }
  const batch = isBatched ? (live?.batch === undefined ? 'assumed' : 'listed') : null
  return { stage: stage.name, who: of.who, batch, requests, ...tokens, costUsd }
}

/** Of the columns that a stage needs of the source: three bytes a token, and a template around them. */
function promptTokens({ needs }: Stage<Columns, Columns>, rows: readonly Record<string, unknown>[]): number {
  const bytes = rows.map((row) =>
    Object.keys(needs).reduce(
      (sum, name) => sum + (typeof row[name] === 'string' ? Buffer.byteLength(row[name]) : 0),
      0,
    ),
  )
  return 16 + Math.ceil(bytes.reduce((a, b) => a + b, 0) / Math.max(1, rows.length) / 3)
}
