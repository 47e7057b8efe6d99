import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { appendFile, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { resumablePass, type WriteUnit } from '../../src/corpus/resume.ts'
import { digests } from '../e2e/command.ts'
import { index, items, scan } from './corpus.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-resume-'))
after(() => rm(folder, { recursive: true, force: true }))

const lines = Array.from({ length: 4000 }, (_, i) =>
  JSON.stringify({
    id: i,
    text: `${'nothing of note '.repeat(5 + (i % 60))}${i % 50 === 7 ? (items[i % 2] ?? '') : ''}`,
  }),
)
const files = [join(folder, 'a.jsonl'), join(folder, 'b.jsonl.gz')].map((path) => ({ path }))
await writeFile(join(folder, 'a.jsonl'), `${lines.join('\n')}\n`)
await writeFile(join(folder, 'b.jsonl.gz'), gzipSync(`${lines.slice(0, 500).join('\n')}\n`))

/** A line for each hit; ends early where it is told to. */
const write =
  (most = Infinity): WriteUnit<{ hits: number }> =>
  async (events, part) => {
    const path = part('hits.jsonl')
    await writeFile(path, '')
    let hits = 0
    for await (const event of events) {
      if (event.kind !== 'hit') continue
      if (++hits > most) throw new Error('killed')
      await appendFile(path, `${JSON.stringify([event.file, event.row, event.id])}\n`)
    }
    return { hits }
  }
const run = (out: string, unit = write(), identity = { rule: 'x' }, workers = 2) =>
  resumablePass(join(folder, out), files, identity, { index, workers, unitBytes: 700_000 }, unit)

test('a pass in units finds what one pass finds, rows and totals alike', async () => {
  const { units, totals } = await run('whole')
  assert.ok(units.length >= 4, `${units.length} units`)
  const expected = await scan(files.map(({ path }) => path))
  assert.deepEqual(totals, expected.totals)
  assert.equal(
    units.reduce((sum, { summary }) => sum + summary.hits, 0),
    expected.events.length,
  )
})

test('a pass that was broken off goes on, reads no committed unit again and ends with the same bytes', async () => {
  const whole = await digests(join(folder, 'whole'))
  let calls = 0
  const fails: WriteUnit<{ hits: number }> = (events, part) =>
    write(++calls === 3 ? 2 : Infinity)(events, part)
  await assert.rejects(run('broken', fails), /killed/)
  const left = await readdir(join(folder, 'broken'))
  assert.ok(left.includes('unit-00002-hits.jsonl') && !left.includes('unit-00002.json'))
  let again = 0
  const { units } = await run('broken', (events, part) => (again++, write()(events, part)), undefined, 1)
  assert.equal(again, units.length - 2)
  assert.deepEqual(await digests(join(folder, 'broken')), whole)
})

test('a process killed between two moments of a pass, and run again, leaves the bytes of an undisturbed one', async () => {
  const program = resolve(import.meta.dirname, '../fixtures/resume-pass.ts')
  const start = (out: string) =>
    spawn(
      process.execPath,
      ['--import', 'tsx', program, join(folder, out), ...files.map(({ path }) => path)],
      {
        stdio: 'inherit',
      },
    )
  const ended = (child: ReturnType<typeof start>): Promise<number | null> =>
    new Promise((done) => child.on('close', done))
  assert.equal(await ended(start('undisturbed')), 0)
  const child = start('killed')
  const end = ended(child)
  while (!existsSync(join(folder, 'killed', 'unit-00001.json')) && child.exitCode === null)
    await setTimeout(1)
  child.kill('SIGKILL')
  assert.equal(await end, null, 'it was killed before its end')
  const left = Object.keys(await digests(join(folder, 'killed')))
  assert.equal(await ended(start('killed')), 0)
  const whole = await digests(join(folder, 'undisturbed'))
  assert.ok(left.length < Object.keys(whole).length)
  assert.deepEqual(await digests(join(folder, 'killed')), whole)
})

test('a folder of another pass, or one that was changed, is refused with both values', async () => {
  await assert.rejects(run('whole', write(), { rule: 'y' }), /rule was x, is now y/)
  await unlink(join(folder, 'broken', 'unit-00000-hits.jsonl'))
  await assert.rejects(run('broken'), /unit-00000-hits\.jsonl has no bytes, its commit record says \d+/)
  await appendFile(join(folder, 'a.jsonl'), '{"text":"one more"}\n')
  await assert.rejects(run('whole'), /file .*a\.jsonl was \d+ bytes, \w+, is now \d+ bytes/)
})
