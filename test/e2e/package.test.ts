import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const folder = await mkdtemp(join(tmpdir(), 'fulcrum-package-'))
after(() => rm(folder, { recursive: true, force: true }))

const reachable = spawnSync('npm', ['ping'], { timeout: 30_000 }).status === 0
const skip = reachable ? false : 'SKIPPED: npm reaches no registry'

const pipeline = `
import { definePipeline, filter, Pipeline, records, col } from 'fulcrum'
import { z } from 'zod'

const columns = { id: col.string('id'), text: col.string('text') }
const words: (text: string) => number = (text) => text.split(' ').length
export default definePipeline({
  name: 'short',
  description: 'keeps short texts',
  options: z.object({ texts: z.string(), most: z.int().default(2) }),
  build: ({ texts, most }) =>
    Pipeline.from(records(texts, columns))
      .through(filter({ name: 'short', needs: columns, reject: ({ text }) => (words(text) > most ? 'long' : null) }))
      .into({ config: 'texts', needs: columns, columns, rows: ({ id, text }) => [{ id, text }] }),
})
`

test('packed and installed into an empty folder, the command and the library work', { skip }, async () => {
  const tarball = await pack()
  const app = join(folder, 'app')
  await mkdir(app)
  await writeFile(join(app, 'package.json'), '{"name":"app","private":true,"type":"module"}\n')
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', tarball], { cwd: app })
  const fulcrum = (...args: string[]) => run('npx', ['fulcrum', ...args], { cwd: app })

  const { stdout: help } = await fulcrum('--help')
  assert.match(help, /fulcrum run|run +/)
  await writeFile(join(app, 'short.ts'), pipeline)
  await writeFile(join(app, 'texts.jsonl'), '{"text":"one two"}\n{"text":"one two three"}\n')
  const { stdout: planned } = await fulcrum('plan', 'short.ts', '--texts', 'texts.jsonl')
  assert.match(planned, /2 records in 1 shards/)
  const { stdout: made } = await fulcrum('run', 'short.ts', '--texts', 'texts.jsonl', '--out', 'made')
  assert.match(made, /texts +1 +1/)
  await fulcrum('verify', 'made/manifest.json')
  // The models and problems that ship are found from anywhere.
  const { stdout: quickstart } = await fulcrum('plan', 'quickstart')
  assert.match(quickstart, /300 records/)
  const { stdout: benchmarks } = await fulcrum('benchmarks', 'list')
  assert.match(benchmarks, /\ngsm8k +1,319 +MIT +/)

  const script = `import { rngFor, wilson } from 'fulcrum'; console.log(typeof rngFor, typeof wilson)`
  const { stdout: library } = await run('node', ['--input-type=module', '-e', script], { cwd: app })
  assert.equal(library.trim(), 'function function')
})

/** Packs a copy of what git would commit, so that the build of this checkout stays as it is. */
async function pack(): Promise<string> {
  const copy = join(folder, 'copy')
  const listed = await run('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
  })
  for (const file of listed.stdout.split('\0').filter((name) => name !== '' && !name.startsWith('test/'))) {
    await mkdir(dirname(join(copy, file)), { recursive: true })
    await cp(join(root, file), join(copy, file))
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'))
  await run('npm', ['pack', '--pack-destination', folder], { cwd: copy })
  const [name] = (await readdir(folder)).filter((file) => file.endsWith('.tgz'))
  assert.ok(name !== undefined)
  return join(folder, name)
}
