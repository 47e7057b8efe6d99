import { after } from 'node:test'
import { type CorpusEvent, type CorpusTotals } from '../../src/corpus/events.ts'
import { sliceFiles } from '../../src/corpus/plan.ts'
import { type CorpusScanner, openCorpusScanner, type PassOptions } from '../../src/corpus/scan.ts'
import { buildTextIndex } from '../../src/text/scan.ts'

/** Two items that texts may share words with. */
export const items = [
  'a farmer plants thirty seven rows of beans and twice as many rows of maize in spring',
  'eleven wooden ships leave the harbour at dawn with nine sailors on board of each one',
]
export const index = buildTextIndex(items)

/** Threads take long to start from source: passes with the same options share theirs. */
const scanners = new Map<string, CorpusScanner>()
after(() => Promise.all(Array.from(scanners.values(), (scanner) => scanner.close())))

/** Everything a pass gives; the totals apart. */
export async function scan(
  paths: readonly string[],
  options: Partial<PassOptions> = {},
): Promise<{ events: Exclude<CorpusEvent, CorpusTotals>[]; totals: CorpusTotals }> {
  const slices = await sliceFiles(paths.map((path) => ({ path })))
  const key = JSON.stringify(options)
  const scanner = scanners.get(key) ?? openCorpusScanner({ index, workers: 2, ...options })
  scanners.set(key, scanner)
  const events: Exclude<CorpusEvent, CorpusTotals>[] = []
  let totals: CorpusTotals | undefined
  for await (const event of scanner.pass(slices)) {
    if (event.kind === 'totals') totals = event
    else events.push(event)
  }
  if (totals === undefined) throw new Error('a pass without totals')
  return { events, totals }
}
