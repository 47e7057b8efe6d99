import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type { Table } from 'apache-arrow'
import { FulcrumError } from '../../src/errors.ts'
import { col } from '../../src/record/columns.ts'
import { readArrow, readTable, writeArrow } from '../../src/store/arrow.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-arrow-'))
const columns = {
  id: col.string('id'),
  big: col.int64('a 64-bit count'),
  ids: col.nullable(col.list(col.int32('a token id'), 'token ids')),
  meta: col.struct({ query: col.string('a text'), delta: col.double('a change') }, 'a struct'),
  good: col.bool('a flag'),
}
const rows = Array.from({ length: 50 }, (_, i) => ({
  id: `${i} é🙂`,
  big: 2n ** 60n + BigInt(i),
  ids: i % 3 === 0 ? null : Array.from({ length: i % 4 }, (_, j) => i * j),
  meta: { query: `q${i}`, delta: i % 5 === 0 ? null : i / 7 },
  good: i % 2 === 0,
}))

async function shards(): Promise<string[]> {
  const paths = [join(folder, '0.parquet'), join(folder, '1.parquet')]
  for (const [half, path] of paths.entries()) {
    const writer = await createParquetWriter(path, { columns, metadata: {}, rowGroupRows: 10 })
    for (const row of rows.slice(25 * half, 25 * half + 25)) await writer.write(row)
    await writer.close()
  }
  return paths
}

const plain = (table: Table): unknown[] =>
  table.toArray().map((row) => {
    const { id, big, ids, meta, good } = row as unknown as {
      id: string
      big: bigint
      ids: Iterable<number> | null
      meta: { query: string; delta: number | null }
      good: boolean
    }
    return { id, big, ids: ids && [...ids], meta: { query: meta.query, delta: meta.delta }, good }
  })

test('columns of several shards are one table with the values that were written', async () => {
  const table = await readTable(await shards(), columns)
  assert.deepEqual(plain(table), rows)
  assert.deepEqual(
    table.schema.fields.map(({ name, type }) => `${name} ${String(type)}`),
    ['id Utf8', 'big Int64', 'ids List<Int32>', 'meta Struct<{query:Utf8, delta:Float64}>', 'good Bool'],
  )
})

test('only the chosen columns are read, and numbers lie in typed arrays', async () => {
  const table = await readTable(await shards(), { big: columns.big })
  assert.deepEqual(table.schema.names, ['big'])
  assert.deepEqual(table.getChild('big')?.toArray(), BigInt64Array.from(rows.map(({ big }) => big)))
})

test('a leading U+FEFF stays in the bytes, though the string view of apache-arrow does not show it', async () => {
  const path = join(folder, 'mark.parquet')
  const writer = await createParquetWriter(path, { columns: { id: columns.id }, metadata: {} })
  await writer.write({ id: '\uFEFFx' })
  await writer.close()
  const id = (await readTable([path], { id: columns.id })).getChild('id')
  assert.deepEqual(Buffer.from((id?.data[0]?.values as Uint8Array).subarray(0, 4)), Buffer.from('\uFEFFx'))
  assert.equal(id?.get(0), 'x')
})

test('a table comes back from an Arrow IPC file, and a cut or foreign file is refused', async () => {
  const path = join(folder, 'table.arrow')
  await writeArrow(path, await readTable(await shards(), columns))
  assert.deepEqual(plain(await readArrow(path)), rows)
  for (const bytes of [readFileSync(path).subarray(0, 300), Buffer.from('{"a":1}\n'), Buffer.alloc(0)]) {
    writeFileSync(path, bytes)
    await assert.rejects(readArrow(path), isDataError)
  }
  await assert.rejects(readArrow(join(folder, 'none.arrow')), isDataError)
})

const isDataError = (error: unknown): boolean => error instanceof FulcrumError && error.code === 'data'
