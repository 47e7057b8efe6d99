import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { col } from '../../src/record/columns.ts'
import { parquetInfo, readParquet } from '../../src/store/parquet-reader.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'
import { legacyRow, legacyRows } from '../fixtures/store/legacy-rows.ts'

const columns = {
  id: col.string('id'),
  note: col.nullable(col.string('a text or null')),
  small: col.int32('a 32-bit count'),
  big: col.int64('a 64-bit count'),
  share: col.double('a share'),
  good: col.bool('a flag'),
  ids: col.nullable(col.list(col.int32('a token id'), 'token ids')),
  messages: col.list(
    col.struct({ role: col.string('who'), content: col.string('what') }, 'a message'),
    'a chat',
  ),
  meta: col.struct({ query: col.string('a text'), delta: col.double('a change') }, 'a struct'),
}
type Rows = Record<string, unknown>[]
const rows: Rows = Array.from({ length: 5000 }, (_, i) => ({
  id: `row ${i} ${i % 2 === 0 ? '\uFEFFé' : '🙂'}`,
  note: i % 3 === 0 ? null : `n${i}`,
  small: i - 2500,
  big: 2n ** 60n + BigInt(i),
  share: i / 7,
  good: i % 2 === 0,
  ids: i % 5 === 0 ? null : Array.from({ length: i % 4 }, (_, j) => i * j),
  messages: Array.from({ length: i % 3 }, (_, j) => ({
    role: j === 0 ? 'user' : 'assistant',
    content: `m${i}.${j}`,
  })),
  meta: { query: `q${i}`, delta: -i / 3 },
}))

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-parquet-'))

async function write(
  name: string,
  data: Rows,
  rowGroupRows = 2048,
): Promise<{ path: string; sha256: string; rows: number }> {
  const path = join(folder, name)
  const writer = await createParquetWriter(path, {
    columns,
    metadata: { 'fulcrum.pipeline': 'test' },
    rowGroupRows,
  })
  for (const row of data) await writer.write(row)
  return { path, ...(await writer.close()) }
}

async function readAll(path: string, wanted?: readonly string[]): Promise<Rows> {
  const found: Rows = []
  for await (const row of readParquet(path, wanted === undefined ? {} : { columns: wanted })) found.push(row)
  return found
}

test('rows come back as they went in, over several row groups', async () => {
  const { path } = await write('whole.parquet', rows)
  assert.deepEqual(await readAll(path), rows)
  const info = await parquetInfo(path)
  assert.equal(info.rowGroups, 3)
  assert.equal(info.metadata['fulcrum.pipeline'], 'test')
  assert.deepEqual(
    info.columns.map(({ type }) => type),
    [
      'string',
      'string',
      'int32',
      'int64',
      'double',
      'bool',
      'list<int32>',
      'list<struct<role: string, content: string>>',
      'struct<query: string, delta: double>',
    ],
  )
  assert.deepEqual(
    await readAll(path, ['small']),
    rows.map(({ small }) => ({ small })),
  )
})

test('equal rows give equal bytes', async () => {
  const [a, b] = [await write('a.parquet', rows), await write('b.parquet', rows)]
  assert.equal(a.sha256, b.sha256)
  assert.deepEqual(readFileSync(a.path), readFileSync(b.path))
})

test('DuckDB reads the right types, nulls and nested values', async () => {
  const { path } = await write('duck.parquet', rows)
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const types = await connection.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${path}')`)
  assert.deepEqual(
    types.getRows().map((row) => row[1]),
    [
      'VARCHAR',
      'VARCHAR',
      'INTEGER',
      'BIGINT',
      'DOUBLE',
      'BOOLEAN',
      'INTEGER[]',
      'STRUCT("role" VARCHAR, "content" VARCHAR)[]',
      'STRUCT(query VARCHAR, delta DOUBLE)',
    ],
  )
  const read = await connection.runAndReadAll(
    `SELECT id, note, small, big, share, good, to_json(ids)::VARCHAR, to_json(messages)::VARCHAR, to_json(meta)::VARCHAR FROM read_parquet('${path}')`,
  )
  read.getRows().forEach((got, i) => {
    const want = rows[i] as Record<string, unknown>
    assert.deepEqual(got.slice(0, 6), [want.id, want.note, want.small, want.big, want.share, want.good])
    assert.deepEqual(got[6] === null ? null : JSON.parse(got[6] as string), want.ids)
    assert.deepEqual(JSON.parse(got[7] as string), want.messages)
    assert.deepEqual(JSON.parse(got[8] as string), want.meta)
  })
})

test('any strings and numbers survive the round trip', async () => {
  const row = fc.record(
    {
      id: fc.string({ unit: 'binary' }),
      note: fc.option(fc.string()),
      small: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      big: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      share: fc.double({ noNaN: true }),
      good: fc.boolean(),
      ids: fc.option(fc.array(fc.integer({ min: 0, max: 1e6 }))),
      messages: fc.array(fc.record({ role: fc.string(), content: fc.string() }, { noNullPrototype: true })),
      meta: fc.record({ query: fc.string(), delta: fc.double({ noNaN: true }) }, { noNullPrototype: true }),
    },
    { noNullPrototype: true },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (data) => {
      const { path } = await write('any.parquet', data, 7)
      assert.deepEqual(await readAll(path), data)
    }),
    { numRuns: 30 },
  )
})

test('a value that does not fit its column is refused with row, column and value', async () => {
  const writer = await createParquetWriter(join(folder, 'bad.parquet'), { columns, metadata: {} })
  await assert.rejects(
    writer.write({ ...rows[0], small: 2 ** 40 }),
    /Row 0: column small is not int32: 1099511627776/,
  )
})

test('a truncated file is refused', async () => {
  const { path } = await write('cut.parquet', rows.slice(0, 100))
  const bytes = readFileSync(path)
  for (const size of [0, 3, 200, bytes.length - 1]) {
    writeFileSync(path, bytes.subarray(0, size))
    await assert.rejects(readAll(path), /is not a whole Parquet file/)
  }
})

test('a flat snappy file written by parquetjs-lite says its types, and a column of it can be chosen', async () => {
  const path = fileURLToPath(new URL('../fixtures/store/legacy.parquet', import.meta.url))
  const { rows: count, rowGroups, columns: found } = await parquetInfo(path)
  assert.deepEqual([count, rowGroups], [legacyRows, 3])
  assert.deepEqual(
    found.map(({ name, type, nullable }) => `${name} ${type}${nullable ? '?' : ''}`),
    [
      'problem string',
      'count int32',
      'share double',
      'sure bool',
      'tokens int64',
      'note string?',
      'grade int32?',
      'score double?',
    ],
  )
  assert.deepEqual(
    await readAll(path, ['note']),
    Array.from({ length: legacyRows }, (_, i) => ({ note: legacyRow(i).note })),
  )
})

const python = process.env.FULCRUM_TEST_PYTHON ?? 'python3'
const readers = spawnSync(python, ['-c', 'import pyarrow, datasets']).status === 0
const skip = readers ? false : `SKIPPED: ${python} has no pyarrow and datasets (set FULCRUM_TEST_PYTHON)`
if (skip !== false) console.error(skip)

test('pyarrow and Hugging Face datasets read the same', { skip }, async () => {
  const { path } = await write('python.parquet', rows.slice(0, 60))
  const script = `
import json, sys, pyarrow.parquet as pq, datasets
t = pq.read_table(sys.argv[1])
d = datasets.load_dataset('parquet', data_files=sys.argv[1], split='train', cache_dir=sys.argv[2])
print(json.dumps({'types': [str(f.type) for f in t.schema], 'arrow': t.to_pylist(), 'datasets': d.to_list()}))`
  const cache = mkdtempSync(join(tmpdir(), 'fulcrum-hf-'))
  const ran = spawnSync(python, ['-c', script, path, cache], {
    encoding: 'utf8',
    env: { ...process.env, HF_HUB_OFFLINE: '1' },
  })
  assert.equal(ran.status, 0, ran.stderr)
  const { types, arrow, datasets } = JSON.parse(ran.stdout.replaceAll(/("big": )(\d+)/g, '$1"$2"')) as Record<
    string,
    Rows
  >
  const want = rows.slice(0, 60).map((row) => ({ ...row, big: String(row.big) }))
  assert.deepEqual(arrow, want)
  assert.deepEqual(datasets, want)
  assert.deepEqual(types?.slice(0, 6), ['string', 'string', 'int32', 'int64', 'double', 'bool'])
})
