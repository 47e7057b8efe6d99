import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { FulcrumError } from '../../../src/errors.ts'
import { Pipeline } from '../../../src/pipeline/pipeline.ts'
import { planPipeline } from '../../../src/pipeline/plan.ts'
import { runPipeline } from '../../../src/pipeline/run.ts'
import { problems } from '../../../src/pipeline/source.ts'
import { grpo } from '../../../src/record/grpo.ts'
import { connectHub } from '../../../src/store/hub/connection.ts'
import { type Pushed, pushFiles } from '../../../src/store/hub/push.ts'
import { publishedFiles } from '../../../src/store/published.ts'
import { startHubServer, type HubDataset, type HubServer } from '../../fixtures/hub-server.ts'
import { change, emptyDataset } from '../../fixtures/hub-uploads.ts'
import { digests, fulcrum, problemLines } from '../../e2e/command.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-push-'))
const built = join(folder, 'built')
const input = join(folder, 'problems.jsonl')

/** A dataset of so many shards, and a ledger beside it that is nobody's business. */
async function build(out: string, shardRows: number): Promise<void> {
  const pipeline = Pipeline.from(problems(input)).into(grpo())
  const plan = await planPipeline(pipeline, { name: 'sums', seed: 0, shardRows })
  await runPipeline(pipeline, plan, { out })
  mkdirSync(join(out, 'ledger'), { recursive: true })
  writeFileSync(join(out, 'ledger/secret.journal'), 'paid answers')
}

before(async () => {
  writeFileSync(input, problemLines(20))
  await build(built, 8)
})
const servers: HubServer[] = []
after(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await rm(folder, { recursive: true })
})

async function serve(datasets: Record<string, HubDataset> = {}): Promise<HubServer> {
  const server = await startHubServer(datasets)
  servers.push(server)
  return server
}

async function push(
  server: HubServer,
  name = 'me/sums',
  of: { token?: string; from?: string; removed?: boolean } = {},
): Promise<Pushed> {
  const { token = 'writer', from = built, removed = false } = of
  const hub = connectHub({ url: server.url, token, retry: { attempts: 3, firstWaitMs: 1, longestWaitMs: 5 } })
  try {
    const files = await publishedFiles(from, { removed })
    return await pushFiles(hub, name, files, { isPrivate: true, summary: 'Update' })
  } finally {
    await hub.close()
  }
}

/** Paths of the newest commit. */
const held = (dataset: HubDataset | undefined): Record<string, string | Uint8Array> =>
  dataset?.commits[dataset.refs['main'] ?? ''] ?? {}

const shards = ['0', '1', '2'].map((i) => `data/grpo/train-0000${i}-of-00003.parquet`)
const published = ['README.md', 'dataset_info.json', 'manifest.json', ...shards]

test('a push makes a private repository with the files that the manifest names, byte for byte, and nothing else', async () => {
  const datasets: Record<string, HubDataset> = {}
  const server = await serve(datasets)
  const pushed = await push(server)
  assert.deepEqual([pushed.created, pushed.changed, pushed.same], [true, published, 0])
  assert.deepEqual(server.uploads.created, [
    { type: 'dataset', name: 'sums', organization: 'me', private: true },
  ])
  const there = held(datasets['me/sums'])
  assert.deepEqual(Object.keys(there).sort(), ['.gitattributes', ...published].sort())
  const local = await digests(built)
  for (const path of published) {
    assert.equal(createHash('sha256').update(there[path] ?? '').digest('hex'), local[path], path) // prettier-ignore
  }
  const routes = server.uploads.log.map(({ route }) => route)
  assert.deepEqual(routes.filter((route) => route === 'put').length, 3)
  assert.ok(server.uploads.log.every(({ route, authorized }) => authorized === (route !== 'put')))
})

test('a second push sends nothing; a changed file alone is sent; shards of another build go, foreign files stay', async () => {
  const datasets: Record<string, HubDataset> = { 'me/sums': emptyDataset() }
  change(datasets['me/sums'] as HubDataset, { 'notes.md': 'mine', 'data/grpo/notes.parquet': 'mine too' })
  const server = await serve(datasets)
  assert.equal((await push(server)).created, false)
  const again = await push(server)
  assert.deepEqual([again.commit, again.same], [null, published.length])
  const other = join(folder, 'other')
  await build(other, 100)
  const replaced = await push(server, 'me/sums', { from: other })
  assert.deepEqual(replaced.removed, shards)
  assert.deepEqual(replaced.changed, ['README.md', 'manifest.json', 'data/grpo/train-00000-of-00001.parquet'])
  assert.deepEqual(Object.keys(held(datasets['me/sums'])).filter((path) => path.startsWith('data/')), [
    'data/grpo/notes.parquet',
    'data/grpo/train-00000-of-00001.parquet',
  ]) // prettier-ignore
  assert.ok('notes.md' in held(datasets['me/sums']))
})

test('large objects go in parts, and a part that fails is sent again', async () => {
  const datasets: Record<string, HubDataset> = {}
  const server = await serve(datasets)
  server.uploads.partBytes = 1000
  server.uploads.fail('put', { status: 500 }, 'cut', { status: 503 })
  await push(server)
  const puts = server.uploads.log.filter(({ route }) => route === 'put')
  assert.ok(puts.length > 8 && puts.every(({ bytes }) => bytes <= 1000))
  assert.deepEqual(Object.keys(held(datasets['me/sums'])).length, published.length + 1)
})

test('a push that was cut off goes on: what has been uploaded is not sent twice', async () => {
  const server = await serve()
  server.uploads.fail('commit', { status: 403 })
  await assert.rejects(push(server), /may not write/)
  assert.equal(server.uploads.log.filter(({ route }) => route === 'put').length, 3)
  await push(server)
  assert.equal(server.uploads.log.filter(({ route }) => route === 'put').length, 3)
})

test('a commit whose answer is lost is found done, one that never came is sent again', async () => {
  for (const fault of ['lost', 'cut'] as const) {
    const datasets: Record<string, HubDataset> = {}
    const server = await serve(datasets)
    server.uploads.fail('commit', fault)
    const { commit } = await push(server)
    assert.equal(commit, datasets['me/sums']?.refs['main'], fault)
    assert.equal(Object.keys(datasets['me/sums']?.commits ?? {}).length, 2, fault)
  }
})

test('what the Hub refuses is said with the next step', async () => {
  const cases: [string, Parameters<typeof push>[1], Parameters<typeof push>[2], (server: HubServer) => void, RegExp, RegExp][] = [
    ['no token', 'me/sums', { token: '' }, () => undefined, /no token/, /set HF_TOKEN/],
    ['a wrong one', 'me/sums', { token: 'wrong' }, () => undefined, /does not take the token.*401/, /settings\/tokens/],
    ['one that may not write', 'me/sums', { token: 'reader' }, () => undefined, /may not write to me\/sums \(403\)/, /write access to me/],
    ['another owner', 'stranger/sums', {}, () => undefined, /may not write to stranger\/sums/, /write access to stranger/],
    ['no such owner', 'nobody/sums', {}, () => undefined, /no place for nobody\/sums \(404\)/, /nobody is your account/],
    ['a conflict', 'me/sums', {}, (server) => server.uploads.interfere(), /changed by another commit meanwhile \(412\)/, /same command again/],
    ['a long pause', 'me/sums', {}, (server) => server.uploads.fail('batch', { status: 429, headers: { 'retry-after': '3600' } }), /long pause \(429\)/, /not sent twice/],
    ['a cut connection', 'me/sums', {}, (server) => server.uploads.fail('preupload', 'cut', 'cut', 'cut'), /no whole answer in 3 attempts/, /same command again/],
    ['a store that refuses', 'me/sums', {}, (server) => server.uploads.fail('put', { status: 400 }), /put\/[0-9a-f]+ answers 400/, /same command again/],
  ] // prettier-ignore
  for (const [what, name, of, prepare, message, hint] of cases) {
    const server = await serve()
    prepare(server)
    const error = (await push(server, name, of).catch((thrown: unknown) => thrown)) as FulcrumError
    assert.match(error.message, message, what)
    assert.match(error.hint, hint, what)
    assert.ok(!/signature|writer/.test(error.message + error.hint), what)
  }
})

test('a short pause is kept, and the push goes on', async () => {
  const server = await serve()
  for (const route of ['create', 'preupload', 'batch', 'put', 'commit'] as const) {
    server.uploads.fail(route, { status: 429, headers: { 'retry-after': '0' } })
  }
  assert.equal((await push(server)).changed.length, published.length)
})

test('a folder that is not as its manifest says is not published', async () => {
  const spoilt = join(folder, 'spoilt')
  await cp(built, spoilt, { recursive: true })
  writeFileSync(join(spoilt, shards[1] ?? ''), 'PAR1')
  await assert.rejects(publishedFiles(spoilt, { removed: false }), /is not the file its manifest names/)
  await rm(join(spoilt, shards[1] ?? ''))
  await assert.rejects(publishedFiles(spoilt, { removed: false }), /is missing/)
  await rm(join(spoilt, 'manifest.json'))
  await assert.rejects(publishedFiles(spoilt, { removed: false }), /no file .*manifest\.json/)
})

test('a dry run lists files and sizes and asks nobody; removed rows go only when asked for', async () => {
  const args = ['push', built, 'me/sums', '--dry-run', '--json', '--hub', 'http://127.0.0.1:1']
  const { code, stdout } = await fulcrum(args)
  const { files, bytes } = JSON.parse(stdout) as { files: { path: string; bytes: number }[]; bytes: number }
  assert.deepEqual([code, files.map(({ path }) => path)], [0, published])
  assert.equal(bytes, files.reduce((sum, file) => sum + file.bytes, 0)) // prettier-ignore
  const withRemoved = await publishedFiles(join(built, 'manifest.json'), { removed: true })
  assert.equal(withRemoved.filter(({ path }) => path.startsWith('removed/')).length, 3)
  const wrong = await fulcrum(['push', built, 'sums', '--dry-run'])
  assert.deepEqual([wrong.code, /OWNER\/NAME/.test(wrong.stderr)], [2, true])
})
