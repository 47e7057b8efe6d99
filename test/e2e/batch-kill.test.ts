import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { readManifest } from '../../src/store/manifest.ts'
import { type BatchEvent, type BatchServer, startBatchServer } from '../fixtures/batch-server.ts'
import { digests } from './command.ts'
import { strippedInto } from './stripped.ts'

const rows = 12
let folder = ''
let program = ''

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fulcrum-batch-kill-'))
  program = join(await strippedInto(join(folder, 'stripped')), 'test/fixtures/pipelines/batched.js')
  const lines = Array.from({ length: rows }, (_, i) =>
    JSON.stringify({ problem: `What is ${i} + 1?`, answer: i + 1 }),
  )
  await writeFile(join(folder, 'problems.jsonl'), `${lines.join('\n')}\n`)
})

after(() => rm(folder, { recursive: true, force: true }))

/** `before` is told of every request before it is answered. */
const serve = (before: (event: BatchEvent) => Promise<void> | void = () => undefined): Promise<BatchServer> =>
  startBatchServer({
    model: 'big',
    answer: ([message], seed) => {
      const [, number = '0'] = /What is (\d+) \+ 1/.exec(message?.content ?? '') ?? []
      return `Draw ${seed}. The answer is ${Number(number) + 1}`
    },
    looks: 3,
    before,
  })

function start(server: BatchServer, out: string): { child: ChildProcess; ended: Promise<number | null> } {
  const child = spawn(
    process.execPath,
    [program, join(folder, 'problems.jsonl'), server.url, join(folder, out)],
    {
      // The cache is for Node 22 and later, and only saves time.
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache') },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  return { child, ended: once(child, 'close').then(([code]) => code as number | null) }
}

async function builtBytes(out: string): Promise<Record<string, string>> {
  const all = Object.entries(await digests(join(folder, out)))
  return Object.fromEntries(all.filter(([path]) => !path.startsWith('ledger')))
}

test('a run that is killed at every step of a batch submits it once, and ends with the bytes of one that was not', async (t) => {
  const calm = await serve()
  assert.equal(await start(calm, 'calm').ended, 0)
  // One batch for the rows of all shards.
  assert.equal(calm.batches.length, 1)
  const steps = calm.events.filter((event) => event !== 'live')
  assert.deepEqual(steps, ['list', 'upload', 'create', 'look', 'look', 'look', 'download'])
  const { counters } = await readManifest(join(folder, 'calm', 'manifest.json'))
  assert.equal(counters.requests, calm.submitted.length)

  const [early, late] = await Promise.all([
    killedAt('early', ['list', 'upload', 'create', 'look', 'download']),
    killedAt('late', ['create later', 'download later']),
  ])
  for (const { out, kills, server } of [early, late]) {
    const uploads = server.events.filter((event) => event === 'upload').length
    t.diagnostic(
      `${kills} kills: ${uploads} uploads, ${server.batches.length} batch, ${server.submitted.length} requests submitted`,
    )
    assert.deepEqual([...server.submitted].sort(), [...calm.submitted].sort(), 'nothing twice')
    assert.deepEqual(await builtBytes(out), await builtBytes('calm'))
    await server.close()
  }
  assert.equal(early.kills, 5)
  assert.ok(late.kills >= 1)
  await calm.close()
})

/** Runs that are killed one after the other, each when the server has got such a request and not answered, or `later`: some
 *  milliseconds after its answer. The last run goes to its end. */
async function killedAt(out: string, moments: readonly string[]) {
  let onEvent: (event: BatchEvent) => Promise<void> | void = () => undefined
  const server = await serve((event) => onEvent(event))
  let kills = 0
  for (const moment of moments) {
    const [step, later] = moment.split(' ')
    const run = start(server, out)
    const kill = (): void => void run.child.kill('SIGKILL')
    onEvent = async (event) => {
      if (event !== step) return
      if (later !== undefined) setTimeout(kill, 4)
      else {
        kill()
        await run.ended
      }
    }
    if ((await run.ended) === null) kills++
  }
  onEvent = () => undefined
  assert.equal(await start(server, out).ended, 0)
  return { out, kills, server }
}
