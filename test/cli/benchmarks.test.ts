import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { benchmarkTexts } from '../../src/store/benchmarks/texts.ts'
import { fulcrum, start } from '../e2e/command.ts'
import { startHubServer } from '../fixtures/hub-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-benchmarks-'))
const commit = 'c'.repeat(40)
const prompts = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify({ key: i, prompt: `Say ${i} words.` })}\n`).join(
    '',
  )
const big = prompts(20_000)
const server = await startHubServer({
  'google/IFEval': {
    refs: { main: commit },
    commits: { [commit]: { 'ifeval_input_data.jsonl': prompts(5) } },
  },
  'HuggingFaceH4/mt_bench_prompts': {
    refs: { main: commit },
    commits: { [commit]: { 'data/train-0.jsonl': big } },
  },
  'Idavidrein/gpqa': { refs: {}, commits: {}, token: 'hf_right', gated: true },
})
after(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const cache = join(folder, 'cache')
const run = (command: string, ...args: string[]) =>
  fulcrum(['benchmarks', command, ...args, '--cache', cache], folder)
const fetch = (...names: string[]) => run('fetch', ...names, '--hub', server.url)

interface Listed {
  name: string
  items: number | null
  licence: string
  state: string
}

test('list knows every benchmark with its licence and its state', async () => {
  const { code, stdout } = await run('list', '--json')
  assert.equal(code, 0)
  const rows = new Map((JSON.parse(stdout) as Listed[]).map((row) => [row.name, row]))
  assert.ok(rows.size >= 30)
  const brief = (name: string) => [rows.get(name)?.items, rows.get(name)?.licence, rows.get(name)?.state]
  assert.deepEqual(brief('gsm8k'), [1319, 'MIT', 'not fetched'])
  assert.deepEqual(brief('gpqa'), [null, 'CC BY 4.0', 'gated'])
  assert.deepEqual(brief('phibench'), [null, 'unknown: check before use', 'unobtainable'])
  assert.match((await run('list')).stdout, /^name +items +licence +state\n/)
})

test('what is fetched is listed, verified and read by its name; a change is found by all of them', async () => {
  const { code, stdout, stderr } = await fetch('ifeval')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^ifeval: 5 items, commit cccccccccccc; licence: Apache-2\.0\n$/)
  assert.match((await run('list')).stdout, /\nifeval +5 +Apache-2\.0 +fetched\n/)
  assert.equal((await run('verify')).stdout, '1 of 1 fetched benchmarks are as recorded\n')
  const ids = []
  for await (const { itemId, config, text } of benchmarkTexts('ifeval', { cache }))
    ids.push(`${config} ${itemId} ${text}`)
  assert.deepEqual(ids.slice(0, 2), ['default 0 Say 0 words.', 'default 1 Say 1 words.'])

  await writeFile(join(cache, 'ifeval/google--IFEval/ifeval_input_data.jsonl'), prompts(6))
  const bad = await run('verify', '--json')
  assert.equal(bad.code, 1)
  const { ok, benchmarks } = JSON.parse(bad.stdout) as { ok: boolean; benchmarks: { problems: string[] }[] }
  assert.deepEqual([ok, benchmarks.length], [false, 1])
  assert.match(benchmarks[0]?.problems.join() ?? '', /has sha256 .*recorded is/)
  await assert.rejects(async () => {
    for await (const text of benchmarkTexts('ifeval', { cache })) assert.ok(text)
  }, /has sha256/)
  assert.equal((await fetch('ifeval')).code, 0)
  assert.equal((await run('verify', 'ifeval')).code, 0)
  assert.match((await run('verify', 'gsm8k')).stdout, /gsm8k: is not fetched/)
})

test('one benchmark that is gated keeps no other away; alone it is an error with the next step', async () => {
  await rm(join(cache, 'ifeval'), { recursive: true, force: true })
  const both = await fetch('gpqa', 'ifeval')
  assert.equal(both.code, 1)
  assert.match(both.stdout, /^ifeval: 5 items/)
  assert.match(
    both.stderr,
    /gpqa: Idavidrein\/gpqa is gated.*\n +next: Accept the terms at [^]*\n1 of 2 benchmarks were not fetched\n$/,
  )
  const alone = await fetch('gpqa')
  assert.equal(alone.code, 2)
  assert.match(alone.stderr, /^error: Idavidrein\/gpqa is gated[^\n]*\nnext: +Accept the terms/m)
  for (const [args, message] of [
    [['mcphi'], /error: mcphi cannot be fetched: internal to Microsoft/],
    [['gsm9k'], /error: There is no benchmark and no file gsm9k/],
    [[], /error: No benchmark is named\nnext: +Name some, or give --all/],
  ] as const) {
    const { code, stderr } = await fetch(...args)
    assert.equal(code, 2)
    assert.match(stderr, message)
  }
})

test('a fetch that is killed goes on where it stopped, and the file is whole', async () => {
  server.failDownload({ stallAfter: 200_000 })
  const { child, ended } = start(
    ['benchmarks', 'fetch', 'mt-bench', '--cache', cache, '--hub', server.url],
    folder,
  )
  const within = join(cache, 'mt-bench/HuggingFaceH4--mt_bench_prompts/data')
  const arrived = async (): Promise<number> => {
    const [partial] = await readdir(within).catch(() => [])
    return partial === undefined ? 0 : (await readFile(join(within, partial))).length
  }
  for (let i = 0; i < 400 && (await arrived()) < 200_000; i++)
    await new Promise((done) => setTimeout(done, 50))
  child.kill('SIGKILL')
  assert.equal((await ended).code, null)
  assert.equal(await arrived(), 200_000)
  const { code, stdout, stderr } = await fetch('mt-bench')
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^mt-bench: 20,000 items/)
  assert.equal(server.requests.at(-1)?.headers.range, 'bytes=200000-')
  assert.deepEqual(await readdir(within), ['train-0.jsonl'])
  assert.equal(await readFile(join(within, 'train-0.jsonl'), 'utf8'), big)
})
