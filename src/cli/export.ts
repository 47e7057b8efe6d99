import { join } from 'node:path'
import { z } from 'zod'
import { exportDataset } from '../pipeline/export.ts'
import { command } from './command.ts'
import { formatCount } from './table.ts'

/** Writes what one trainer reads of a built dataset. */
export default command({
  name: 'export',
  summary: 'Write the columns of a built dataset that a trainer reads, as a folder that it loads unchanged',
  positionals: [{ name: 'DATASET', meaning: 'folder of a finished run, or its manifest.json' }],
  options: z.object({
    for: z.enum(['trl', 'axolotl', 'llama-factory', 'verl', 'open-instruct']).describe('the trainer'),
    config: z
      .array(z.string())
      .default([])
      .describe('configs to write; all that the trainer reads by default'),
    out: z.string().describe('folder to write, empty or not there yet'),
    json: z.boolean().default(false).describe('print JSON'),
  }),
  example: 'fulcrum export runs/quickstart --for trl --out runs/for-trl',
  run: async ({ options, positionals }, { print }) => {
    const [dataset = ''] = positionals
    const manifest = dataset.endsWith('manifest.json') ? dataset : join(dataset, 'manifest.json')
    const { for: trainer, config: configs, out } = options
    const exported = await exportDataset(manifest, { trainer, configs, out })
    if (options.json) print(JSON.stringify({ out, exported }, null, 2))
    else {
      for (const { config, rows, columns, how } of exported) {
        print(`${join(out, 'data', config)}: ${formatCount(rows)} rows of ${columns.join(', ')}; ${how}`)
      }
    }
    return 0
  },
})
