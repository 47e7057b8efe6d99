import { type CorpusEvent, type CorpusTotals } from '../../src/corpus/events.ts'
import { scanCorpus, type PassOptions } from '../../src/corpus/scan.ts'
import { buildTextIndex } from '../../src/text/scan.ts'

/** Two items that texts may share words with. */
export const items = [
  'a farmer plants thirty seven rows of beans and twice as many rows of maize in spring',
  'eleven wooden ships leave the harbour at dawn with nine sailors on board of each one',
]
export const index = buildTextIndex(items)

/** Everything a pass gives; the totals apart. */
export async function scan(
  paths: readonly string[],
  options: Partial<PassOptions> = {},
): Promise<{ events: Exclude<CorpusEvent, CorpusTotals>[]; totals: CorpusTotals }> {
  const events: Exclude<CorpusEvent, CorpusTotals>[] = []
  let totals: CorpusTotals | undefined
  const files = paths.map((path) => ({ path }))
  for await (const event of scanCorpus(files, { index, workers: 2, ...options })) {
    if (event.kind === 'totals') totals = event
    else events.push(event)
  }
  if (totals === undefined) throw new Error('a pass without totals')
  return { events, totals }
}
