import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { FulcrumError } from '../../src/errors.ts'
import { legacyRow, legacyRows } from '../fixtures/store/legacy-rows.ts'
import { readyZstd, zstd } from '../../src/store/zstd.ts'
import { readRecords, type ReadRecordsOptions, type SourceRecord } from '../../src/store/records.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-records-'))

async function read(
  name: string,
  bytes: string | Uint8Array | null,
  options: ReadRecordsOptions = {},
): Promise<SourceRecord[]> {
  const path = join(folder, name)
  if (bytes !== null) writeFileSync(path, bytes)
  const found: SourceRecord[] = []
  for await (const record of readRecords(path, options)) found.push(record)
  return found
}

const valueOf = (next: IteratorResult<SourceRecord, undefined> | undefined): unknown => next?.value?.value

const brief = (records: SourceRecord[]): unknown[] => records.map(({ line, value }) => [line, value])

test('a byte order mark, CRLF, blank lines and a missing last line feed are no mistakes', async () => {
  const found = await read('dos.jsonl', '\uFEFF{"a":1}\r\n\r\n{"a":"\uFEFFx"}\r\n{"a":3}')
  assert.deepEqual(brief(found), [
    [1, { a: 1 }],
    [3, { a: '\uFEFFx' }],
    [4, { a: 3 }],
  ])
})

test('a malformed line is a record with file, line and reason, and reading goes on', async () => {
  const invalid = Buffer.concat([Buffer.from('{"a":1}\n{"a":\n[1]\n"x"\n'), Buffer.from([0xff, 10])])
  const found = await read('bad.jsonl', Buffer.concat([invalid, Buffer.from('{"a":2}\n')]))
  assert.deepEqual(brief(found), [
    [1, { a: 1 }],
    [2, null],
    [3, null],
    [4, null],
    [5, null],
    [6, { a: 2 }],
  ])
  assert.match(found[1]?.error ?? '', /JSON/)
  assert.equal(found[2]?.error, 'not a JSON object')
  assert.equal(found[4]?.error, 'not UTF-8')
  assert.equal(found[1]?.file, join(folder, 'bad.jsonl'))
})

test('lines come whole wherever the chunks of the file are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 90_000 }), { maxLength: 6 }),
      async (texts) => {
        const rows = texts.map((text) => ({ text }))
        const found = await read('chunks.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
        assert.deepEqual(
          brief(found),
          rows.map((row, i) => [i + 1, row]),
        )
      },
    ),
    { numRuns: 20 },
  )
})

test('a line of eight million characters is read, one over the limit is a malformed line', async () => {
  const text = `${JSON.stringify({ a: 'é'.repeat(4e6) })}\n{"a":1}\n`
  assert.equal((await read('huge.jsonl', text)).length, 2)
  const [first, second] = await read('huge.jsonl', null, { mostLineBytes: 1e6 })
  assert.equal(first?.error, 'a line of 8000008 bytes, more than 1000000')
  assert.deepEqual(second?.value, { a: 1 })
})

test('.zst is read by extension, two files at once too, and a cut one is refused by name', async () => {
  await readyZstd()
  const rows = (of: string): string => Array.from({ length: 20_000 }, (_, i) => `{"${of}":${i}}\n`).join('')
  const paths = ['a', 'b'].map((name) => {
    const path = join(folder, `${name}.jsonl.zst`)
    writeFileSync(path, zstd(Buffer.from(rows(name))))
    return path
  })
  const [first, second] = paths.map((path) => readRecords(path))
  for (let i = 0; i < 20_000; i++) {
    assert.deepEqual(valueOf(await first?.next()), { a: i })
    assert.deepEqual(valueOf(await second?.next()), { b: i })
  }
  assert.equal((await first?.next())?.done, true)
  const whole = zstd(Buffer.from(rows('c')))
  await assert.rejects(
    read('cut.jsonl.zst', whole.subarray(0, whole.length / 2)),
    dataError(/Cannot read .*cut\.jsonl\.zst: unexpected end of file at byte/),
  )
})

test('gzip is read by extension, and a cut gzip file is refused by name', async () => {
  const packed = gzipSync('{"a":1}\n{"a":2}\n')
  assert.deepEqual(brief(await read('a.jsonl.gz', packed)), [
    [1, { a: 1 }],
    [2, { a: 2 }],
  ])
  await assert.rejects(
    read('cut.jsonl.gz', packed.subarray(0, 20)),
    dataError(/Cannot read .*cut\.jsonl\.gz/),
  )
})

test('Parquet rows are records with their row number, also from a flat snappy file of parquetjs-lite', async () => {
  const path = fileURLToPath(new URL('../fixtures/store/legacy.parquet', import.meta.url))
  const found: SourceRecord[] = []
  for await (const record of readRecords(path)) found.push(record)
  const wanted = Array.from({ length: legacyRows }, (_, i) => ({
    file: path,
    line: i + 1,
    value: legacyRow(i),
    error: null,
  }))
  assert.deepEqual(found, wanted)
})

test('a missing file, an unknown extension and a folder are refused with their path', async () => {
  await assert.rejects(read('none.jsonl', null), dataError(/There is no file .*none\.jsonl/))
  await assert.rejects(read('a.csv', 'a,b'), dataError(/a\.csv has no known extension/))
  mkdirSync(join(folder, 'folder.jsonl.gz'))
  await assert.rejects(read('folder.jsonl.gz', null), dataError(/Cannot read .*EISDIR/))
})

function dataError(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof FulcrumError && error.code === 'data' && message.test(error.message)
}
