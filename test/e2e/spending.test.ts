import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { loadTokenizer } from '../../src/nn/tokenizer.ts'
import { readManifest } from '../../src/store/manifest.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { startOpenAiServer, type TestServer } from '../fixtures/openai-server.ts'
import { solutionPolicy } from '../fixtures/solution-policy.ts'
import { digests, fulcrum } from './command.ts'
import { strippedInto } from './stripped.ts'

// What a user does with money: the real command line against a server that counts.

const problems = Array.from({ length: 6 }, (_, i) => {
  const packed = (i + 3) * (i + 5)
  return {
    question: `Farmer ${i} packs ${i + 3} crates with ${i + 5} pears each and eats one. How many are left?`,
    answer: `${i + 3}*${i + 5}=${packed}\n${packed}-1=${packed - 1}\n#### ${packed - 1}`,
  }
})
let folder = ''
let server: TestServer
let inputs: string[] = []
let prices = ''
let [program, pipeline] = ['', '']

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fulcrum-spending-'))
  const copy = await strippedInto(join(folder, 'stripped'))
  program = join(copy, 'src/cli/main.js')
  pipeline = join(copy, 'test/fixtures/pipelines/paid.js')
  await writeFile(join(folder, 'problems.jsonl'), problems.map((one) => `${JSON.stringify(one)}\n`).join(''))
  await writeByteTokenizer(join(folder, 'tokenizer'))
  const policies = {
    student: solutionPolicy(problems, { name: 'student', deciding: 0.5, other: 0.97 }),
    teacher: solutionPolicy(problems, { name: 'teacher', deciding: 1, other: 1 }),
  }
  server = await startOpenAiServer({
    models: ['teacher', 'student'],
    tokenizer: await loadTokenizer(join(folder, 'tokenizer')),
    complete: async ({ model, ids, ...options }) => {
      await new Promise((done) => setTimeout(done, 10))
      return policies[model === 'teacher' ? 'teacher' : 'student'].generate(ids ?? [], options)
    },
    score: (ids) => policies.student.score(ids),
  })
  prices = join(folder, 'prices.json')
  const price = { input: 3, output: 1000, source: 'made up', date: '2026-01-01' }
  const models = ['teacher', 'student'].map((model) => ({ model, ...price }))
  await writeFile(prices, JSON.stringify({ format: 'fulcrum-prices/1', models }))
  inputs = [
    '--problems',
    join(folder, 'problems.jsonl'),
    '--server',
    server.url,
    '--tokenizer',
    join(folder, 'tokenizer'),
  ]
})

after(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const run = (out: string, ...more: string[]) =>
  fulcrum(
    ['run', pipeline, ...inputs, '--shard-rows', '3', '--out', join(folder, out), ...more],
    folder,
    program,
  )

/** Requests since then, without those that find out what the server can do. */
const requestsFrom = (at: number) =>
  server.requests.slice(at).filter(({ path, body }) => path !== '/tokenize' && !isProbe(body))

function isProbe(body: Record<string, unknown>): boolean {
  const text = 'What is 1 + 1?'
  const bytes = Buffer.from(text).map((byte) => byte)
  const ids = Array.isArray(body.prompt) ? (body.prompt as number[]) : []
  // The byte tokenizer shifts every byte by one number.
  return ids.some((id, i) => bytes.every((byte, k) => (ids[i + k] ?? 0) - byte === id - (bytes[0] as number)))
}

async function builtBytes(out: string): Promise<Record<string, string>> {
  const all = Object.entries(await digests(join(folder, out)))
  return Object.fromEntries(all.filter(([path]) => !path.startsWith('ledger')))
}

test('a run stops at its cap, keeps what it paid for, and goes on to the same dataset with a higher cap', async () => {
  const start = server.requests.length
  const whole = await run('whole', '--prices', prices)
  assert.equal(whole.code, 0, whole.stderr)
  const needed = requestsFrom(start).length
  const [, cost = ''] = /completion tokens, \$([\d.]+)/.exec(whole.stderr) ?? []
  assert.match(whole.stderr, /Paid, earlier attempts included: \d+ requests, /)
  const { counters } = await readManifest(join(folder, 'whole', 'manifest.json'))
  assert.equal(counters.requests, needed)
  assert.ok(Math.abs((counters.cost_usd ?? 0) - Number(cost)) < 0.01)

  const from = server.requests.length
  const cap = Number(cost) / 2
  const stopped = await run('capped', '--prices', prices, '--max-cost', String(cap))
  assert.equal(stopped.code, 75, stopped.stderr)
  assert.match(
    stopped.stderr,
    /Stopped at the cap: \$[\d.]+ of at most \$[\d.]+ are spent\nnext: {2}.*Raise --max-cost and run the same command again/,
  )
  const [, paid = ''] = /completion tokens, \$([\d.]+)/.exec(stopped.stderr) ?? []
  // 16 completions of 5 tokens as the server counts them: the dearest request, of which 8 are in flight at most.
  const dearest = (16 * 5 * 1000 + 500 * 3) / 1e6
  assert.ok(Number(paid) >= cap && Number(paid) <= cap + 8 * dearest, `$${paid} paid at a cap of $${cap}`)
  const again = await run('capped', '--prices', prices, '--max-cost', String(cap))
  assert.equal(again.code, 75, 'what was paid before counts')

  const resumed = await run('capped', '--prices', prices, '--max-cost', '1000')
  assert.equal(resumed.code, 0, resumed.stderr)
  assert.match(resumed.stderr, /ledger: \d+ answers are there and are not paid for again/)
  assert.equal(requestsFrom(from).length, needed, 'nothing was paid for twice')
  assert.deepEqual(await builtBytes('capped'), await builtBytes('whole'))
})

test('limits change nothing of the output, and the plan of a run does not know them', async () => {
  const slow = await run(
    'slow',
    '--prices',
    prices,
    '--concurrency',
    '2',
    '--rpm',
    '100000',
    '--tpm',
    '100000000',
  )
  assert.equal(slow.code, 0, slow.stderr)
  assert.deepEqual(await builtBytes('slow'), await builtBytes('whole'))
})

test('two processes that share the shards share a ledger, and pay for what one does', async () => {
  const whole = await readManifest(join(folder, 'whole', 'manifest.json'))
  const from = server.requests.length
  const priced = ['--prices', prices]
  const parts = await Promise.all(['0/2', '1/2'].map((part) => run('parts', ...priced, '--shards', part)))
  assert.deepEqual(
    parts.map(({ code }) => code),
    [0, 0],
    parts.map(({ stderr }) => stderr).join(''),
  )
  assert.equal(requestsFrom(from).length, whole.counters.requests)
  assert.deepEqual(await builtBytes('parts'), await builtBytes('whole'))
  await rm(join(folder, 'parts', 'commits'), { recursive: true })
  const again = await run('parts', ...priced)
  assert.equal(again.code, 0, again.stderr)
  assert.equal(requestsFrom(from).length, whole.counters.requests, 'every answer of both is there')
  await rm(join(folder, 'parts', 'commits'), { recursive: true })
  const forgetful = await run('parts', ...priced, '--no-ledger')
  assert.equal(forgetful.code, 0, forgetful.stderr)
  assert.equal(requestsFrom(from).length, 2 * (whole.counters.requests ?? 0))
})

test('a cap in dollars without prices is refused before anything is written; a cap of tokens holds', async () => {
  const refused = await run('unpriced', '--max-cost', '5')
  assert.equal(refused.code, 2, refused.stderr)
  assert.match(refused.stderr, /#teacher, .*#student has no price\nnext: .*--max-tokens-total/)
  assert.deepEqual(await readdir(join(folder, 'unpriced')).catch(() => []), [])
  const stopped = await run('tokens', '--max-tokens-total', '3000')
  assert.equal(stopped.code, 75, stopped.stderr)
  assert.match(stopped.stderr, /\d+ of at most 3000 tokens are used/)
  assert.match(stopped.stderr, /cost unknown/)
})

test('plan --price tells requests, tokens and dollars from and to, and asks for nothing but what the server can do', async () => {
  const before = server.requests.length
  const priced = await fulcrum(['plan', pipeline, ...inputs, '--price', '--prices', prices], folder, program)
  assert.equal(priced.code, 0, priced.stderr)
  assert.match(
    priced.stdout,
    /generateTraces +http:.*#teacher +6 +[\d,]+ to [\d,]+ +72 to 720 +\$0\.07\d* to \$0\.7\d*/,
  )
  assert.match(priced.stdout, /Cost: \$[\d.]+ to \$[\d.]+\./)
  assert.equal(requestsFrom(before).length, 0)
  const batched = await fulcrum(['plan', pipeline, ...inputs, '--batch'], folder, program)
  assert.equal(batched.code, 2)
  assert.match(batched.stderr, /--batch: http:.*#teacher, http:.*#student is asked with token ids/)
  const unknown = await fulcrum(['plan', pipeline, ...inputs, '--price'], folder, program)
  assert.match(unknown.stdout, /Cost unknown: http:.*#teacher, http:.*#student has no price/)
})

test('evaluate keeps answers, stops at its cap and goes on without paying twice', async () => {
  const out = join(folder, 'evaluated')
  const evaluate = (...more: string[]) =>
    fulcrum(
      [
        ...['evaluate', '--model', `${server.url}#student`, '--tokenizer', join(folder, 'tokenizer')],
        ...[
          '--problems',
          join(folder, 'problems.jsonl'),
          '--temperature',
          '1',
          '--samples',
          '2',
          '--min-p',
          '0.01',
        ],
        ...['--prices', prices, '--out', out, '--concurrency', '1', ...more],
      ],
      folder,
      program,
    )
  const from = server.requests.length
  // Two completions of 5 tokens as the server counts them cost a cent and what the prompt does.
  const stopped = await evaluate('--max-cost', '0.02')
  assert.equal(stopped.code, 75, stopped.stderr)
  assert.match(stopped.stderr, /Stopped at the cap/)
  const paid = requestsFrom(from).length
  assert.ok(paid >= 1 && paid <= 2, `${paid} requests`)
  const resumed = await evaluate('--max-cost', '5')
  assert.equal(resumed.code, 0, resumed.stderr)
  assert.match(resumed.stderr, /Paid, earlier attempts included: 6 requests/)
  assert.equal(requestsFrom(from).length, problems.length)
  assert.ok(requestsFrom(from).every(({ body }) => body.min_p === 0.01))
  const summary = await readFile(join(out, 'summary.json'), 'utf8')
  const again = await evaluate('--max-tokens-total', '1')
  assert.equal(again.code, 0, again.stderr)
  assert.equal(requestsFrom(from).length, problems.length, 'all answers are there')
  assert.equal(await readFile(join(out, 'summary.json'), 'utf8'), summary)
})
