import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import { locate } from '../../store/bundled.ts'
import type { Usage } from '../model.ts'

const dollars = z.number().nonnegative()

const price = z.strictObject({
  /** Of the URL, from its start; without it the price holds for this model name anywhere. */
  endpoint: z.string().optional(),
  model: z.string(),
  /** US dollars for a million tokens. */
  input: dollars,
  /** Of prompt tokens that the server had in its cache. */
  cached_input: dollars.optional(),
  /** Of completion tokens, thinking included. */
  output: dollars,
  /** Through the Batch API; left out, half of the others. */
  batch: z.strictObject({ input: dollars, cached_input: dollars.optional(), output: dollars }).optional(),
  /** Where the price was read, and when. */
  source: z.string(),
  date: z.iso.date(),
})

/** The shape of prices.json, which a user may edit. */
const priceFile = z.strictObject({ format: z.literal('fulcrum-prices/1'), models: z.array(price) })

export type Price = z.infer<typeof price>

/** The prices that ship; a file of the user's comes before them. */
export async function readPrices(file?: string): Promise<readonly Price[]> {
  const shipped = await read(locate('datasets/prices.json'))
  return file === undefined ? shipped : [...(await read(file)), ...shipped]
}

/** What a model costs, or null: a price that is not known is never zero. */
export function priceOf(prices: readonly Price[], who: string): Price | null {
  const [url = '', model] = who.split('#')
  const fits = ({ endpoint, model: named }: Price): boolean =>
    named === model && (endpoint === undefined || url.startsWith(endpoint))
  return prices.find(fits) ?? null
}

/** What the model costs through the Batch API; where the table does not say, half of what it costs otherwise, as OpenAI's does
 *  (platform.openai.com/docs/guides/batch). */
export function batchPriceOf({ batch, ...price }: Price): Price {
  const { input, cached_input: cached = input, output } = price
  return { ...price, ...(batch ?? { input: input / 2, cached_input: cached / 2, output: output / 2 }) }
}

/** US dollars. */
export function costOf(price: Price, usage: Usage): number {
  const { input, cached_input: cached = input, output } = usage.batched ? batchPriceOf(price) : price
  const fresh = usage.promptTokens - usage.cachedTokens
  return (fresh * input + usage.cachedTokens * cached + usage.completionTokens * output) / 1e6
}

async function read(file: string): Promise<readonly Price[]> {
  const refuse = (why: string, cause?: unknown): FulcrumError =>
    new FulcrumError(
      'config',
      `${file} is no price table: ${why}`,
      'Write it as datasets/prices.json is written: model, input and output in dollars a million tokens, source, date.',
      cause,
    )
  let json: unknown
  try {
    json = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw refuse(cause instanceof Error ? cause.message : String(cause), cause)
  }
  const { data, error } = priceFile.safeParse(json)
  if (data !== undefined) return data.models
  throw refuse(error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}
