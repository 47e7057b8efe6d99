import { join } from 'node:path'
import { z } from 'zod'
import { writeExplorer } from '../report/explorer/explorer.ts'
import { notesOf } from '../report/notes.ts'
import { readManifest } from '../store/manifest.ts'
import { command } from './command.ts'
import { table } from './table.ts'

/** Writes the explorer of a dataset. */
export default command({
  name: 'report',
  summary: 'Write the explorer of a dataset: searched traces, pivotal tokens and rollouts, as one HTML page',
  positionals: [{ name: 'DATASET', meaning: 'run folder, or its manifest.json' }],
  options: z.object({
    out: z.string().optional().describe('HTML file (explorer.html in the run folder)'),
    traces: z.int().min(1).default(500).describe('most traces in the page, those with the largest changes'),
  }),
  example: 'fulcrum report runs/quickstart --out explorer.html --traces 200',
  run: async ({ options, positionals }, { print }) => {
    const [dataset = ''] = positionals
    const { out, counts, shown } = await writeExplorer({ dataset, ...options })
    const { traces, pivots, confirmed, pairs, rollouts } = counts
    print(
      table([
        ['traces', traces],
        ...(shown < traces ? [['in the page, largest changes first', shown]] : []),
        ['pivotal tokens', pivots],
        ['confirmed on fresh rollouts', confirmed],
        ['certified pairs', pairs],
        ...(rollouts === null ? [] : [['rollouts', rollouts.search + rollouts.confirm + rollouts.pair]]),
      ]),
    )
    const manifest = dataset.endsWith('manifest.json') ? dataset : join(dataset, 'manifest.json')
    const { counters } = await readManifest(manifest)
    print(['', ...notesOf(counters).map((note) => `${note}\n`), out].join('\n'))
    return 0
  },
})
