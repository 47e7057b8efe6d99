import { z } from 'zod'
import { bundledPipelines, loadPipeline } from '../pipeline/load.ts'
import { command } from './command.ts'
import { table } from './table.ts'

/** Lists the pipelines that ship. */
export default command({
  name: 'pipelines',
  summary: 'List the pipelines that ship, with what they make and how they are run',
  positionals: [],
  options: z.object({ json: z.boolean().default(false).describe('print JSON') }),
  example: 'fulcrum pipelines',
  run: async ({ options }, { print }) => {
    const found = await Promise.all(bundledPipelines().map((name) => loadPipeline(name)))
    const rows = found.map(({ name, description, example }) => ({ name, description, example }))
    if (options.json) print(JSON.stringify(rows, null, 1))
    else {
      print(table(rows.map(({ name, description }) => [name, description])))
      print('\nfulcrum run NAME --help lists the options of one, with an example; docs/recipes.md says more.')
    }
    return 0
  },
})
