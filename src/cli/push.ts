import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { connectHub } from '../store/hub/connection.ts'
import { pushFiles } from '../store/hub/push.ts'
import { publishedFiles } from '../store/published.ts'
import { command } from './command.ts'
import { formatCount, table } from './table.ts'

/** Publishes a built dataset. */
export default command({
  name: 'push',
  summary:
    'Push a built dataset to the Hub: shards, card and manifest; what is there already is not sent again',
  positionals: [
    { name: 'DATASET', meaning: 'folder of a finished run, or its manifest.json' },
    { name: 'REPO', meaning: 'OWNER/NAME; made if it is not there' },
  ],
  options: z.object({
    public: z
      .boolean()
      .default(false)
      .describe('make it public; private by default, and one that is there stays as it is'),
    removed: z
      .boolean()
      .default(false)
      .describe('the removed rows with their reasons too; contaminated ones hold text of benchmarks'),
    dryRun: z.boolean().default(false).describe('list the files and their sizes, and send nothing'),
    message: z.string().optional().describe('first line of the commit'),
    hub: z
      .string()
      .default('https://huggingface.co')
      .describe('the Hub or a mirror; it gets HF_TOKEN of the environment'),
    json: z.boolean().default(false).describe('print JSON'),
  }),
  example: 'fulcrum push runs/quickstart me/quickstart --dry-run',
  run: async ({ options, positionals }, { print, tell, signal }) => {
    const [folder = '', dataset = ''] = positionals
    if (!/^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(dataset)) {
      throw new FulcrumError('config', `${dataset} is no name of a repository`, 'Write it as OWNER/NAME.')
    }
    const files = await publishedFiles(folder, options)
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
    const listed = files.map(({ path, bytes: size, sha256 }) => ({ path, bytes: size, sha256 }))
    if (options.dryRun) {
      if (options.json) print(JSON.stringify({ dataset, bytes, files: listed }, null, 2))
      else {
        print(table(listed.map(({ path, bytes: size }) => [path, size])))
        print(`\n${files.length} files, ${formatCount(bytes)} bytes; nothing was sent`)
      }
      return 0
    }
    // The token comes from the environment, like every key; nothing else does.
    const hub = connectHub({ url: options.hub, token: process.env['HF_TOKEN'], signal, stalledMs: 600_000 })
    try {
      const pushed = await pushFiles(hub, dataset, files, {
        isPrivate: !options.public,
        summary: options.message ?? 'Update the dataset',
        onFile: ({ path, bytes: size }, sent) =>
          tell(`${path} ${sent ? `${formatCount(size)} bytes sent` : 'is in the store already'}\n`),
      })
      if (options.json) print(JSON.stringify({ dataset, ...pushed }, null, 2))
      else {
        for (const path of pushed.removed) print(`${path} of an earlier build is removed`)
        const { created, commit, changed, same } = pushed
        const where = `${hub.url}/datasets/${dataset}${created ? (options.public ? ' (new, public)' : ' (new, private)') : ''}`
        print(
          commit === null
            ? `${where}: all ${same} files are there already`
            : `${where}: ${changed.length} files changed, ${same} as before, commit ${commit.slice(0, 12)}`,
        )
      }
      return 0
    } finally {
      await hub.close()
    }
  },
})
