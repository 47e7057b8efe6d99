import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openLedger } from '../../src/model/ledger/book.ts'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { startOpenAiServer, type TestServer } from '../fixtures/openai-server.ts'
import { solutionPolicy } from '../fixtures/solution-policy.ts'
import { digests } from './command.ts'
import { strippedInto } from './stripped.ts'

const kills = 50
const chains = 3
const problems = Array.from({ length: 9 }, (_, i) => {
  const [boxes, each] = [i + 3, 2 * i + 5]
  const packed = boxes * each
  return {
    question: `Farmer ${i} packs ${boxes} crates with ${each} pears each and eats one. How many are left?`,
    answer: `${boxes}*${each}=${packed}\n${packed}-1=${packed - 1}\n#### ${packed - 1}`,
  }
})

let folder = ''
let server: TestServer
let program = ''
let undisturbed: { bytes: Record<string, string>; requests: string[] }
const probes = new Set<string>()

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fulcrum-ledger-kill-'))
  program = join(await strippedInto(join(folder, 'stripped')), 'test/fixtures/pipelines/run-paid.js')
  await writeFile(join(folder, 'problems.jsonl'), problems.map((one) => `${JSON.stringify(one)}\n`).join(''))
  await writeByteTokenizer(join(folder, 'tokenizer'))
  const student = solutionPolicy(problems, { name: 'student', deciding: 0.5, other: 0.97 })
  const teacher = solutionPolicy(problems, { name: 'teacher', deciding: 1, other: 1 })
  server = await startOpenAiServer({
    models: ['teacher', 'student'],
    tokenizer: await loadTokenizer(join(folder, 'tokenizer')),
    complete: async ({ model, ids, seed, ...options }) => {
      // Long enough that a kill meets requests in flight.
      await new Promise((done) => setTimeout(done, 5 + (seed % 20)))
      return (model === 'teacher' ? teacher : student).generate(ids ?? [], { ...options, seed })
    },
    score: (ids) => student.score(ids),
  })
  const planned = await start('plan').ended
  assert.equal(planned.code, 0, planned.stderr)
  for (const body of bodiesOf('plan')) probes.add(body)
  const run = await start('undisturbed', 'undisturbed').ended
  assert.equal(run.code, 0, run.stderr)
  undisturbed = { bytes: await bytesOf('undisturbed'), requests: paidFor('undisturbed') }
})

after(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

test(`a run that is killed ${kills} times pays for what an undisturbed one does, and what was in flight`, async (t) => {
  assert.ok(undisturbed.requests.length > 60, `${undisturbed.requests.length} requests`)
  assert.equal(new Set(undisturbed.requests).size, undisturbed.requests.length)
  const random = rngFor('ledger kill test')
  const share = Array.from({ length: chains }, (_, i) => Math.floor((kills + i) / chains))
  const ended = await Promise.all(
    share.map((times, chain) => killAndResume(chain, times, () => random.next())),
  )
  const sum = (of: (one: Tally) => number): number => ended.flat().reduce((all, one) => all + of(one), 0)
  const whole = sum(({ requests }) => requests)
  t.diagnostic(
    `${sum(({ killed }) => killed)} kills in ${ended.flat().length} runs: ${whole} requests paid = ` +
      `${ended.flat().length} x ${undisturbed.requests.length} of an undisturbed run + ${sum(({ twice }) => twice)} in flight ` +
      `at the kills (${sum(({ unanswered }) => unanswered)} intents without an answer)`,
  )
  assert.equal(
    sum(({ killed }) => killed),
    kills,
  )
  assert.ok(sum(({ twice }) => twice) > 0, 'some kill met a request in flight')
})

interface Tally {
  readonly killed: number
  readonly requests: number
  readonly twice: number
  readonly unanswered: number
}

/** Kills a run again and again until it ends, then begins another, until it was killed so many times. */
async function killAndResume(chain: number, times: number, uniform: () => number): Promise<Tally[]> {
  const tallies: Tally[] = []
  for (let [killed, left] = [0, times]; ;) {
    const out = `killed-${chain}-${tallies.length}`
    const run = start(out, out)
    // At one of its first requests or a little later, so that kills meet requests in flight.
    const [requests, ms] = [1 + Math.floor(uniform() * 5), uniform() * 20]
    const asked = paidFor(out).length
    const timer = setInterval(() => {
      if (left === 0 || paidFor(out).length < asked + requests) return
      clearInterval(timer)
      setTimeout(() => run.child.kill('SIGKILL'), ms)
    }, 4)
    const { code, stderr } = await run.ended
    clearInterval(timer)
    if (code === null) {
      killed++
      left--
      continue
    }
    assert.equal(code, 0, stderr)
    tallies.push({ killed, ...(await checked(out)) })
    if (left === 0) return tallies
    killed = 0
  }
}

/** What a finished run wrote and paid for, against an undisturbed one. */
async function checked(out: string): Promise<Omit<Tally, 'killed'>> {
  assert.deepEqual(await bytesOf(out), undisturbed.bytes)
  const requests = paidFor(out)
  assert.deepEqual([...new Set(requests)].sort(), [...undisturbed.requests].sort())
  const twice = requests.length - undisturbed.requests.length
  const ledger = await openLedger(join(folder, out, 'ledger'))
  const { unanswered, corrupted } = ledger.found
  await ledger.close()
  assert.deepEqual(corrupted, [])
  assert.ok(twice <= unanswered, `${twice} requests were made twice, ${unanswered} were in flight at a kill`)
  return { requests: requests.length, twice, unanswered }
}

/** Bodies by the key of the request; every run has a key of its own. */
const bodies = new Map<string, string[]>()
let read = 0

function bodiesOf(out: string): string[] {
  for (; read < server.requests.length; read++) {
    const { body, headers } = server.requests[read] as TestServer['requests'][number]
    const key = headers.authorization?.replace('Bearer ', '') ?? ''
    bodies.set(key, [...(bodies.get(key) ?? []), JSON.stringify(body)])
  }
  return bodies.get(out) ?? []
}

/** Without the few tokens by which every start finds out what the server can do. */
const paidFor = (out: string): string[] => bodiesOf(out).filter((body) => !probes.has(body))

async function bytesOf(out: string): Promise<Record<string, string>> {
  const all = Object.entries(await digests(join(folder, out)))
  return Object.fromEntries(all.filter(([path]) => !path.startsWith('ledger')))
}

/** A run in a process of its own; without a folder it ends when all is planned. */
function start(key: string, out = '') {
  const inputs = [join(folder, 'problems.jsonl'), server.url, join(folder, 'tokenizer')]
  const child = spawn(process.execPath, [program, ...inputs, out && join(folder, out)], {
    // The cache is for Node 22 and later, and only saves time.
    env: { ...process.env, OPENAI_API_KEY: key, NODE_COMPILE_CACHE: join(folder, 'cache') },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const closed = once(child, 'close') as Promise<[number | null]>
  return { child, ended: closed.then(([code]) => ({ code, stderr })) }
}
