/** Every bench in one run, one process each: `npm run bench`, with --json a line of JSON a figure; a first word takes
 *  those whose names start with it: `npm run bench:train`. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('.', import.meta.url))
const words = process.argv.slice(2)
const wanted = words.find((word) => !word.startsWith('-')) ?? ''
const benches = readdirSync(folder)
  .filter((name) => name.startsWith(wanted) && name.endsWith('.bench.ts'))
  .sort()
let failed = 0
for (const name of benches) {
  const args = [
    '--import',
    new URL('strip-types.js', import.meta.url).href,
    `${folder}${name}`,
    ...words.filter((word) => word.startsWith('-')),
  ]
  if (spawnSync(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status !== 0) failed++
}
process.exitCode = failed
