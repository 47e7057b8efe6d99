import { z } from 'zod'
import { verifyManifest } from '../store/verify.ts'
import { command } from './command.ts'
import { formatCount } from './table.ts'

/** Checks a built dataset against its manifest. */
export default command({
  name: 'verify',
  summary: 'Check every shard of a built dataset against its manifest: bytes, rows, columns',
  positionals: [{ name: 'MANIFEST', meaning: 'manifest.json of a finished run' }],
  options: z.object({ json: z.boolean().default(false).describe('print JSON') }),
  example: 'fulcrum verify runs/quickstart/manifest.json',
  run: async ({ options, positionals }, { print }) => {
    const { shards } = await verifyManifest(positionals[0] as string)
    const bad = shards.filter(({ problem }) => problem !== null)
    if (options.json) print(JSON.stringify({ ok: bad.length === 0, shards }, null, 2))
    else {
      for (const { file, problem } of bad) print(`${file} ${problem as string}`)
      const rows = shards.reduce((sum, shard) => sum + shard.rows, 0)
      print(
        `${shards.length - bad.length} of ${shards.length} shards are as the manifest says (${formatCount(rows)} rows)`,
      )
    }
    return bad.length === 0 ? 0 : 1
  },
})
