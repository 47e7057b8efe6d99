import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { digests, fulcrum, problemLines, slowPipeline, start } from './command.ts'

const kills = 20
let folder = ''
let undisturbed: Record<string, string> = {}
let runMs = 0

const commandInto = (out: string): string[] =>
  ['run', slowPipeline, '--problems', join(folder, 'problems.jsonl'), '--wait-ms', '20'].concat([
    '--shard-rows',
    '8',
    '--out',
    join(folder, out),
  ])

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fulcrum-kill-'))
  await writeFile(join(folder, 'problems.jsonl'), problemLines(93))
  const run = start(commandInto('undisturbed'))
  await run.speaks()
  const started = performance.now()
  assert.equal((await run.ended).code, 0)
  runMs = performance.now() - started
  undisturbed = await digests(join(folder, 'undisturbed'))
})

after(() => rm(folder, { recursive: true, force: true }))

test(`runs killed at ${kills} random moments end with the bytes of an undisturbed one`, async (t) => {
  assert.ok(Object.keys(undisturbed).length > 3 * 12, 'the run is long enough to be killed in')
  const finished = await Promise.all(['killed-a', 'killed-b'].map((out) => killAndRepeat(out, kills / 2)))
  t.diagnostic(`${kills} kills over ${finished.reduce((a, b) => a + b)} runs`)
})

/** Kills a run again and again, each time it ends beginning anew; gives how many times it ended. */
async function killAndRepeat(out: string, times: number): Promise<number> {
  let [killed, finished] = [0, 0]
  for (;;) {
    const run = start(commandInto(out))
    await run.speaks()
    const moment = killed < times ? Math.random() * runMs * 0.6 : Infinity
    const timer = moment < Infinity ? setTimeout(() => run.child.kill('SIGKILL'), moment) : undefined
    const { code, stderr } = await run.ended
    clearTimeout(timer)
    if (code === null) {
      killed++
      continue
    }
    assert.equal(code, 0, stderr)
    assert.deepEqual(await digests(join(folder, out)), undisturbed)
    finished++
    if (killed === times) return finished
    await rm(join(folder, out), { recursive: true })
  }
}

test('two processes that share the shards end with the bytes of one', async () => {
  const parts = ['0/2', '1/2'].map((part) => fulcrum([...commandInto('shared'), '--shards', part]))
  const ended = await Promise.all(parts)
  assert.deepEqual(
    ended.map(({ code }) => code),
    [0, 0],
    ended.map(({ stderr }) => stderr).join(''),
  )
  assert.deepEqual(await digests(join(folder, 'shared')), undisturbed)
})
