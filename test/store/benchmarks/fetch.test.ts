import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { FulcrumError } from '../../../src/errors.ts'
import { readFetched, readLock, verifyFetched } from '../../../src/store/benchmarks/cache.ts'
import { fetchBenchmark, stateOf } from '../../../src/store/benchmarks/fetch.ts'
import { type Benchmark, benchmarkSchema } from '../../../src/store/benchmarks/schema.ts'
import { connectHub } from '../../../src/store/hub/connection.ts'
import { type HubDataset, sha256, startHubServer } from '../../fixtures/hub-server.ts'

const root = mkdtempSync(join(tmpdir(), 'fulcrum-fetch-'))
const [first, second] = ['1'.repeat(40), '2'.repeat(40)]
const items = (count: number, word: string): string =>
  Array.from({ length: count }, (_, i) => `${JSON.stringify({ question: `${word} ${i}?` })}\n`).join('')

const live: HubDataset = {
  refs: { main: first },
  commits: {
    [first]: {
      'one/test.jsonl': items(3, 'Old'),
      'two/test-0.jsonl': items(2, 'Two'),
      'two/test-1.jsonl': items(1, 'Three'),
    },
    [second]: {
      'one/test.jsonl': items(4, 'New'),
      'two/test-0.jsonl': items(2, 'Two'),
      'two/test-1.jsonl': items(1, 'Three'),
    },
  },
}
const converted: HubDataset = {
  refs: { main: first, 'refs/convert/parquet': second },
  commits: { [first]: { 'script.py': 'x' }, [second]: { 'one/test/0000.jsonl': items(1, 'Converted') } },
}
const server = await startHubServer({ 'org/live': live, 'org/converted': converted })
const hub = connectHub({ url: server.url, retry: { attempts: 2, firstWaitMs: 1, longestWaitMs: 1 } })
after(async () => {
  await hub.close()
  await server.close()
  await rm(root, { recursive: true })
})

const parts = [
  { config: 'one', split: 'test', rows: null, sha256: null },
  { config: 'two', split: 'test', rows: 3, sha256: null },
]
const benchmark = (change: Record<string, unknown> = {}): Benchmark =>
  benchmarkSchema.parse({
    name: 'live',
    title: 'Live',
    licence: 'MIT',
    source: { kind: 'hub', dataset: 'org/live', revision: 'main', commit: null, gated: false },
    parts,
    columns: { question: ['question'] },
    ...change,
  })
const refused = (ask: Promise<unknown>, message: RegExp, hint: RegExp): Promise<void> =>
  assert.rejects(ask, (error: unknown) => {
    assert.ok(error instanceof FulcrumError, String(error))
    assert.match(error.message, message)
    assert.match(error.hint, hint)
    return true
  })
const fileIn = (cache: string, path: string): string => join(cache, 'live/org--live', path)

test('the first fetch records commit, rows and sha256; the next one asks for nothing', async () => {
  const cache = join(root, 'first')
  assert.equal(stateOf(benchmark(), cache), 'not fetched')
  const fetched = await fetchBenchmark(hub, benchmark(), { cache })
  assert.deepEqual(fetched[0], {
    dataset: 'org/live',
    commit: first,
    config: 'one',
    split: 'test',
    rows: 3,
    files: [{ path: 'one/test.jsonl', bytes: items(3, 'Old').length, sha256: sha256(items(3, 'Old')) }],
  })
  assert.deepEqual([fetched[1]?.rows, fetched[1]?.files.length], [3, 2])
  assert.deepEqual(readFetched(cache, 'live'), fetched)
  assert.equal(stateOf(benchmark(), cache), 'fetched')
  const before = server.requests.length
  assert.deepEqual(await fetchBenchmark(hub, benchmark(), { cache }), fetched)
  assert.equal(server.requests.length, before)
})

test('a branch that moves on changes nothing until --update; a lock file binds even then', async () => {
  const [cache, fresh, pin] = [join(root, 'moved'), join(root, 'fresh'), join(root, 'benchmarks.lock.json')]
  await fetchBenchmark(hub, benchmark(), { cache, pin })
  live.refs['main'] = second
  try {
    await rm(fileIn(cache, 'one/test.jsonl'))
    assert.equal((await fetchBenchmark(hub, benchmark(), { cache }))[0]?.commit, first)
    assert.equal(await readFile(fileIn(cache, 'one/test.jsonl'), 'utf8'), items(3, 'Old'))
    assert.equal((await fetchBenchmark(hub, benchmark(), { cache: fresh, pin }))[0]?.commit, first)
    assert.equal(stateOf(benchmark(), fresh, pin), 'pinned')
    assert.equal(
      (await fetchBenchmark(hub, benchmark(), { cache: fresh, pin, update: true }))[0]?.commit,
      first,
    )
    const [updated] = await fetchBenchmark(hub, benchmark(), { cache, update: true })
    assert.deepEqual([updated?.commit, updated?.rows], [second, 4])
    assert.deepEqual(await verifyFetched(cache, 'live'), [])
    assert.equal(readLock(pin)['live']?.[0]?.commit, first)
  } finally {
    live.refs['main'] = first
  }
})

test('a Hub that gives other bytes for the recorded commit is refused, even if its listing agrees', async () => {
  const cache = join(root, 'lying')
  await fetchBenchmark(hub, benchmark(), { cache })
  const before = live.commits[first]
  live.commits[first] = { ...before, 'one/test.jsonl': items(3, 'Bad') }
  try {
    await rm(fileIn(cache, 'one/test.jsonl'))
    await refused(
      fetchBenchmark(hub, benchmark(), { cache }),
      /sha256 of one\/test\.jsonl \w{64}, the record of the first fetch says/,
      /changed on the Hub.*--update/,
    )
    assert.match((await verifyFetched(cache, 'live')).join(), /one\/test\.jsonl is missing/, 'it is not kept')
  } finally {
    live.commits[first] = before as Record<string, string>
  }
})

test('rows and sha256 of the registry are binding at the first fetch', async () => {
  const at = (commit: string) => ({
    kind: 'hub',
    dataset: 'org/live',
    revision: 'main',
    commit,
    gated: false,
  })
  const withRows = benchmark({ parts: [{ ...parts[0], rows: 5 }] })
  await refused(
    fetchBenchmark(hub, withRows, { cache: join(root, 'rows') }),
    /rows: 3, the registry says 5/,
    /live=PATH/,
  )
  const withHash = benchmark({ source: at(first), parts: [{ ...parts[0], sha256: ['0'.repeat(64)] }] })
  await refused(
    fetchBenchmark(hub, withHash, { cache: join(root, 'hash') }),
    /sha256 of one.*the registry says 000/,
    /live=PATH/,
  )
  const [part] = await fetchBenchmark(hub, benchmark({ source: at(second) }), { cache: join(root, 'commit') })
  assert.deepEqual([part?.commit, part?.rows], [second, 4])
})

test('a dataset without data on its main branch is taken from the converted branch', async () => {
  const source = { kind: 'hub', dataset: 'org/converted', revision: 'main', commit: null, gated: false }
  const [part] = await fetchBenchmark(hub, benchmark({ source, parts: [parts[0]] }), {
    cache: join(root, 'converted'),
  })
  assert.deepEqual([part?.commit, part?.files[0]?.path], [second, 'one/test/0000.jsonl'])
  const other = benchmark({ source, parts: [{ ...parts[0], config: 'nine' }] })
  await refused(
    fetchBenchmark(hub, other, { cache: join(root, 'nine') }),
    /no Parquet or JSONL file of config nine, split test/,
    /It has script\.py, one\/test\/0000\.jsonl; .*NAME=PATH/,
  )
})

test('a fetch that fails in its second part keeps the first, and verify names what was changed', async () => {
  const cache = join(root, 'half')
  const gone = benchmark({ parts: [parts[0], { ...parts[1], config: 'gone' }] })
  await refused(fetchBenchmark(hub, gone, { cache }), /config gone/, /It has/)
  assert.equal(stateOf(gone, cache), 'fetched in part')
  assert.deepEqual(await verifyFetched(cache, 'live'), [])
  await writeFile(fileIn(cache, 'one/test.jsonl'), items(3, 'Odd'))
  assert.match((await verifyFetched(cache, 'live')).join(), /one\/test\.jsonl has sha256 \w+, recorded is/)
  await rm(fileIn(cache, 'one/test.jsonl'))
  assert.match((await verifyFetched(cache, 'live')).join(), /one\/test\.jsonl is missing/)
  await writeFile(join(cache, 'live/fetched.json'), '{"benchmark":"live","parts":[{}]}')
  assert.throws(() => readFetched(cache, 'live'), /fetched\.json/)
})
