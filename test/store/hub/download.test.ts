import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FulcrumError } from '../../../src/errors.ts'
import { connectHub, type Hub, type HubOptions } from '../../../src/store/hub/connection.ts'
import { download } from '../../../src/store/hub/download.ts'
import { type HubFile, listFiles, resolveRevision } from '../../../src/store/hub/repository.ts'
import { type HubDataset, sha256, startHubServer } from '../../fixtures/hub-server.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-hub-'))
const commit = 'a'.repeat(40)
const bytes = randomBytes(300_000)
const plain: HubDataset = {
  refs: { main: commit, 'refs/convert/parquet': 'b'.repeat(40) },
  commits: {
    [commit]: { 'data/test.parquet': bytes, 'test.jsonl': '{"a":1}\n', 'README.md': 'x', 'empty.jsonl': '' },
  },
  lfs: (path) => path.endsWith('.parquet'),
}
const server = await startHubServer({
  'org/plain': plain,
  'org/old': { refs: {}, commits: {}, movedTo: 'org/plain' },
  'org/gated': { ...plain, token: 'hf_right', gated: true },
  'org/private': { ...plain, token: 'hf_right' },
  'org/hostile': { ...plain, list: (entry) => ({ ...entry, path: '../../outside.jsonl' }) },
})
const hubs: Hub[] = []
const hubWith = (options: HubOptions = {}): Hub => {
  const retry = { attempts: 4, firstWaitMs: 5, longestWaitMs: 20 }
  const hub = connectHub({ url: server.url, retry, ...options })
  hubs.push(hub)
  return hub
}
after(async () => {
  await Promise.all(hubs.map((hub) => hub.close()))
  await server.close()
  await rm(folder, { recursive: true })
})

async function fileNamed(path: string, hub = hubWith()): Promise<HubFile> {
  const file = (await listFiles(hub, 'org/plain', commit)).find((each) => each.path === path)
  assert.ok(file !== undefined)
  return file
}

let places = 0
/** Downloads into a folder of its own; what was asked for meanwhile, and what is there afterwards. */
async function fetched(path: string, { partial, file }: { partial?: Uint8Array; file?: HubFile } = {}) {
  const hub = hubWith({ token: 'hf_secret' })
  const listed = file ?? (await fileNamed(path, hub))
  const to = join(folder, String(places++), 'got')
  if (partial !== undefined) {
    const name = `${to}.${(listed.sha256 ?? listed.gitOid).slice(0, 16)}.partial`
    await mkdir(join(to, '..'))
    await writeFile(name, partial)
  }
  const before = server.requests.length
  const result = await download(hub, { dataset: 'org/plain', commit, file: listed }, to).then(
    (hash) => ({ hash, error: null }),
    (error: unknown) => ({ hash: null, error }),
  )
  return {
    ...result,
    asked: server.requests.slice(before),
    there: await readdir(join(to, '..')),
    content: await readFile(to).catch(() => null),
  }
}

async function refused(ask: Promise<unknown>, message: RegExp, hint: RegExp): Promise<void> {
  await assert.rejects(ask, (error: unknown) => {
    assert.ok(error instanceof FulcrumError, String(error))
    assert.match(error.message, message)
    assert.match(error.hint, hint)
    assert.doesNotMatch(error.message + error.hint, /hf_secret|hf_right/)
    return true
  })
}

test('a ref resolves to its commit, and every page of the listing is read', async () => {
  const hub = hubWith()
  assert.equal(await resolveRevision(hub, 'org/plain', 'main'), commit)
  assert.equal(await resolveRevision(hub, 'org/plain', 'refs/convert/parquet'), 'b'.repeat(40))
  const files = await listFiles(hub, 'org/plain', commit)
  assert.deepEqual(
    files.map(({ path }) => path),
    ['data/test.parquet', 'test.jsonl', 'README.md', 'empty.jsonl'],
  )
  assert.deepEqual(
    files.map((file) => file.sha256),
    [sha256(bytes), null, null, null],
  )
  assert.equal(
    await resolveRevision(hub, 'org/old', 'main'),
    commit,
    'a dataset that was renamed is followed',
  )
})

test('a redirect to the CDN is followed without the token, and the file is whole', async () => {
  const { hash, asked, there, content } = await fetched('data/test.parquet')
  assert.equal(hash, sha256(bytes))
  assert.deepEqual(content, bytes)
  assert.deepEqual(there, ['got'])
  assert.deepEqual(
    asked.map(({ host, headers }) => [host, headers.authorization]),
    [
      ['hub', 'Bearer hf_secret'],
      ['cdn', undefined],
    ],
  )
})

test('a file without LFS is checked by its git object id; an empty one is no trouble', async () => {
  assert.equal((await fetched('test.jsonl')).content?.toString(), '{"a":1}\n')
  assert.equal((await fetched('empty.jsonl')).content?.length, 0)
  server.failDownload({ spoil: () => Buffer.from('{"a":2}\n') })
  const { error, there } = await fetched('test.jsonl')
  assert.match(String(error), /test\.jsonl arrived with sha1 \w+, the Hub lists/)
  assert.deepEqual(there, [])
})

test('a cut body is gone on with from the byte where it was cut, as often as needed', async () => {
  server.failDownload({ cutAfter: 100_000 }, { cutAfter: 50_000 })
  const { content, asked } = await fetched('data/test.parquet')
  assert.deepEqual(content, bytes)
  const ranges = asked.filter(({ host }) => host === 'cdn').map(({ headers }) => headers.range ?? '')
  const starts = ranges.map((range) => Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0))
  assert.equal(starts.length, 3)
  assert.equal(starts[0], 0)
  // All that was sent, or less where the break came before it was read.
  assert.ok((starts[1] as number) > 0 && (starts[1] as number) <= 100_000, ranges.join())
  assert.ok((starts[2] as number) > (starts[1] as number) && (starts[2] as number) <= 150_000, ranges.join())
})

test('what a killed process left is gone on with; if it is spoilt, everything is fetched again', async () => {
  const good = await fetched('data/test.parquet', { partial: bytes.subarray(0, 200_000) })
  assert.equal(good.asked.at(-1)?.headers.range, 'bytes=200000-')
  assert.deepEqual(good.content, bytes)
  const spoilt = await fetched('data/test.parquet', { partial: Buffer.alloc(200_000) })
  assert.deepEqual(spoilt.content, bytes)
  assert.deepEqual(spoilt.there, ['got'])
  const tooLong = await fetched('data/test.parquet', { partial: Buffer.alloc(400_000) })
  assert.deepEqual(tooLong.content, bytes)
  const complete = await fetched('data/test.parquet', { partial: bytes })
  assert.deepEqual([complete.content, complete.asked.length], [bytes, 0])
})

test('two processes that fetch the same file at once both end with it whole', async () => {
  const file = await fileNamed('data/test.parquet')
  const to = join(folder, 'twice', 'got')
  const both = [hubWith(), hubWith()].map((hub) => download(hub, { dataset: 'org/plain', commit, file }, to))
  assert.deepEqual(await Promise.all(both), [sha256(bytes), sha256(bytes)])
  assert.deepEqual(await readFile(to), bytes)
  assert.deepEqual(await readdir(join(to, '..')), ['got'])
})

test('a server that ignores ranges, gives another one or has none is begun with anew', async () => {
  for (const fault of ['ignore range', 'wrong range', { status: 416 }] as const) {
    server.failDownload(fault)
    const { content } = await fetched('data/test.parquet', { partial: bytes.subarray(0, 1000) })
    assert.deepEqual(content, bytes, JSON.stringify(fault))
  }
})

test('429 waits as long as Retry-After says, in seconds or as a date', async () => {
  const date = new Date().toUTCString()
  const later = new Date(Date.parse(date) + 1000).toUTCString()
  for (const headers of [{ 'retry-after': '1' }, { date, 'retry-after': later }]) {
    server.failDownload({ status: 429, headers })
    const start = performance.now()
    const { content } = await fetched('data/test.parquet')
    assert.deepEqual(content, bytes)
    const waited = performance.now() - start
    assert.ok(waited >= 990 && waited < 5000, `${waited} ms`)
  }
})

test('5xx is asked again while attempts last, and then said; 404 and 501 are said at once', async () => {
  const hub = hubWith()
  server.failApi({ status: 503 }, { status: 500 }, { status: 502 })
  assert.equal(await resolveRevision(hub, 'org/plain', 'main'), commit)
  server.failApi(...Array.from({ length: 4 }, () => ({ status: 503 })))
  await refused(
    resolveRevision(hub, 'org/plain', 'main'),
    /no whole answer in 4 attempts: .*503/,
    /again later/,
  )
  for (const status of [404, 501]) {
    const before = server.requests.length
    server.failApi({ status })
    await refused(resolveRevision(hub, 'org/plain', 'main'), new RegExp(String(status)), /NAME=PATH/)
    assert.equal(server.requests.length, before + 1)
  }
})

test('gated, private, unknown and wrong tokens each get their next step', async () => {
  const ask = (dataset: string, token?: string, revision = 'main') =>
    resolveRevision(hubWith({ token }), dataset, revision)
  assert.equal(await ask('org/gated', 'hf_right'), commit)
  const accept = /Accept the terms at http.*\/datasets\/org\/gated, set HF_TOKEN.*NAME=PATH/
  await refused(ask('org/gated'), /org\/gated is gated.*\(401\)/, accept)
  await refused(ask('org/gated', 'hf_other'), /org\/gated is gated.*\(403\)/, accept)
  await refused(ask('org/gated', 'wrong'), /does not take the token in HF_TOKEN/, /settings\/tokens/)
  await refused(
    ask('org/private'),
    /no dataset org\/private, or it is private and wants HF_TOKEN/,
    /Check http/,
  )
  await refused(ask('org/none', 'hf_right'), /no dataset org\/none \(401\)/, /Check http/)
  await refused(ask('org/plain', undefined, 'v9'), /no such revision \(404\)/, /tree\/main/)
})

test('bytes with another hash or another length are refused and nothing is kept', async () => {
  const flipped = Buffer.from(bytes)
  flipped[7] = (flipped[7] as number) ^ 1
  const cases: [Buffer, RegExp][] = [
    [flipped, /sha256 \w{64}, the Hub lists/],
    [bytes.subarray(0, 1000), /arrived with 1000 bytes, the Hub lists 300000/],
    [Buffer.concat([bytes, bytes]), /arrived with more than 300000 bytes/],
  ]
  for (const [sent, message] of cases) {
    server.failDownload({ spoil: () => sent })
    const { error, there } = await fetched('data/test.parquet')
    assert.match(String(error), message)
    assert.deepEqual(there, [])
  }
})

test('a listing that leads out of the cache or to another host is refused', async () => {
  await refused(
    listFiles(hubWith(), 'org/hostile', commit),
    /a file with the path "\.\.\/\.\.\/outside/,
    /--hub/,
  )
  const lying = createServer((_, response) => {
    response.writeHead(200, { link: '<http://elsewhere.example/api>; rel="next"' }).end('[]')
  })
  await new Promise<void>((done) => lying.listen(0, '127.0.0.1', done))
  const { port } = lying.address() as { port: number }
  const hub = hubWith({ url: `http://127.0.0.1:${port}`, token: 'hf_secret' })
  await refused(listFiles(hub, 'org/plain', commit), /a next page on another host/, /--hub/)
  lying.closeAllConnections()
  lying.close()
})

test('without a network the address is said at once; what is no URL is refused', async () => {
  const closed = await startHubServer({})
  await closed.close()
  const start = performance.now()
  await refused(
    resolveRevision(
      hubWith({ url: closed.url, retry: { attempts: 4, firstWaitMs: 5000, longestWaitMs: 5000 } }),
      'a/b',
      'main',
    ),
    /Nothing answers at http:.*ECONNREFUSED/,
    /mirror.*local file/,
  )
  assert.ok(performance.now() - start < 2000)
  assert.throws(() => connectHub({ url: 'huggingface.co' }), /is no URL of a Hub/)
})

test('an interruption ends a download and keeps what has arrived', async () => {
  const stop = new AbortController()
  const hub = hubWith({ signal: stop.signal })
  const file = await fileNamed('data/test.parquet', hub)
  server.failDownload({ stallAfter: 100_000 })
  const to = join(folder, 'stopped', 'got')
  const watch = (done: number): void => {
    if (done === 100_000) stop.abort(new Error('interrupted'))
  }
  await assert.rejects(download(hub, { dataset: 'org/plain', commit, file, watch }, to), /interrupted/)
  const [partial] = await readdir(join(folder, 'stopped'))
  assert.equal((await readFile(join(folder, 'stopped', partial as string))).length, 100_000)
})
