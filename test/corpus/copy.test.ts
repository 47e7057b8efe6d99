import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { openUnpacked, readyUnpacking } from '../../src/corpus/bytes.ts'
import { copyParquetRows, copyRows } from '../../src/corpus/copy.ts'
import { readyZstd, zstd } from '../../src/store/zstd.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-copy-'))
after(() => rm(folder, { recursive: true, force: true }))
await Promise.all([readyZstd(), readyUnpacking()])
const at = (name: string): string => join(folder, name)

function unpack(path: string): Buffer {
  const source = openUnpacked(path, { mostUnpackedBytes: 2 ** 30, mostUnpackedRatio: 2000 })
  const parts: Buffer[] = []
  for (;;) {
    const block = Buffer.alloc(100_000)
    const bytes = source.read(block)
    if (bytes === 0) break
    parts.push(block.subarray(0, bytes))
  }
  source.close()
  return Buffer.concat(parts)
}

const untidy = '\uFEFF{"a":1}\r\n\n{"b" : 2}\n  \r\n{"c":3}\r\n{"d":"\u00e9 \\u00e9"}'

test('kept lines keep their bytes, line ends and blank lines; dropped ones vanish; others are put in place', async () => {
  await writeFile(at('untidy.jsonl'), untidy)
  const seen: string[] = []
  await copyRows(
    at('untidy.jsonl'),
    (row, record) => {
      seen.push(`${row}:${Buffer.from(record).toString()}`)
      return 'keep'
    },
    at('same.jsonl'),
  )
  assert.deepEqual(seen, ['1:{"a":1}', '3:{"b" : 2}', '5:{"c":3}', '6:{"d":"é \\u00e9"}'])
  assert.equal(await readFile(at('same.jsonl'), 'utf8'), untidy)
  await copyRows(
    at('untidy.jsonl'),
    (row) => (row === 1 || row === 6 ? 'drop' : row === 5 ? Buffer.from('{"c":"new"}') : 'keep'),
    at('less.jsonl'),
  )
  assert.equal(await readFile(at('less.jsonl'), 'utf8'), '\uFEFF\n{"b" : 2}\n  \r\n{"c":"new"}\r\n')
})

test('packed files stay packed, and equal rows give equal files', async () => {
  const lines = Array.from({ length: 60_000 }, (_, i) => `{"n":${i},"text":"row ${i} of many"}`)
  const whole = Buffer.from(`${lines.join('\n')}\n`)
  const odd = Buffer.from(`${lines.filter((_, i) => i % 2 === 0).join('\n')}\n`)
  assert.ok(odd.length > 2 ** 20)
  await writeFile(at('a.jsonl.gz'), gzipSync(whole))
  await writeFile(at('a.jsonl.zst'), zstd(whole))
  for (const kind of ['gz', 'zst']) {
    const copies = []
    for (const name of ['b', 'c']) {
      await copyRows(
        at(`a.jsonl.${kind}`),
        (row) => (row % 2 === 1 ? 'keep' : 'drop'),
        at(`${name}.jsonl.${kind}`),
      )
      copies.push(await readFile(at(`${name}.jsonl.${kind}`)))
    }
    assert.deepEqual(copies[0], copies[1])
    assert.deepEqual(unpack(at(`b.jsonl.${kind}`)), odd)
  }
  assert.deepEqual(gunzipSync(await readFile(at('b.jsonl.gz'))), odd)
  await copyRows(at('a.jsonl.zst'), () => 'drop', at('none.jsonl.zst'))
  assert.equal(unpack(at('none.jsonl.zst')).length, 0)
})

test('a copy of a broken file leaves no file', async () => {
  await writeFile(at('broken.jsonl.gz'), gzipSync(untidy).subarray(0, 40))
  await assert.rejects(
    copyRows(at('broken.jsonl.gz'), () => 'keep', at('never.jsonl.gz')),
    /broken\.jsonl\.gz: unexpected end of file at byte 40 of 40/,
  )
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith('never')),
    [],
  )
})

test('kept Parquet rows keep every type to the last digit', async () => {
  const duckdb = await (await DuckDBInstance.create()).connect()
  const columns = `
    'row ' || i AS id, i::FLOAT / 3 AS f, i::DOUBLE / 3 AS d, (i * 7)::DECIMAL(30, 4) AS big, (i / 7)::DECIMAL(9, 3) AS small,
    TIMESTAMP '2024-01-01 00:00:00.123457' + INTERVAL (i) SECOND AS t, DATE '2024-01-01' + i::INTEGER AS day,
    4294967295::UINTEGER - i::UINTEGER AS u, 18446744073709551615::UBIGINT AS uu, i::TINYINT AS tiny, i % 2 = 0 AS flag,
    ('\\x00\\xFF' || i)::BLOB AS raw, gen_random_uuid() AS uuid, to_json({'k': i}) AS j, CASE WHEN i % 3 = 0 THEN NULL ELSE i END AS maybe,
    [{'role': 'user', 'content': 'é' || i}, {'role': NULL, 'content': NULL}] AS messages, [[i], []] AS nested`
  await duckdb.run(
    `COPY (SELECT ${columns} FROM range(100) r(i)) TO '${at('types.parquet')}' (ROW_GROUP_SIZE 2048)`,
  )
  await copyParquetRows(
    at('types.parquet'),
    (row, values) => (row % 3 === 0 ? null : values),
    at('kept.parquet'),
  )
  const rows = async (from: string): Promise<unknown> => (await duckdb.runAndReadAll(from)).getRowsJson()
  const original = `SELECT * EXCLUDE n FROM (SELECT *, row_number() OVER () n FROM '${at('types.parquet')}') WHERE n % 3 <> 0`
  assert.deepEqual(await rows(`FROM '${at('kept.parquet')}'`), await rows(original))
  assert.deepEqual(
    await rows(`DESCRIBE FROM '${at('kept.parquet')}'`),
    await rows(`DESCRIBE FROM '${at('types.parquet')}'`),
  )
})
