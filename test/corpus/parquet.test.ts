import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createRowSignature } from '../../src/corpus/row-signature.ts'
import { col } from '../../src/record/columns.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'
import { createSigner, fineWebShape } from '../../src/text/minhash.ts'
import { items, scan } from './corpus.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-corpus-parquet-'))
after(() => rm(folder, { recursive: true, force: true }))

const message = col.struct({ role: col.string('role'), content: col.string('text') }, 'a turn')
const columns = {
  id: col.int32('id'),
  ids: col.list(col.int32('token'), 'tokens'),
  messages: col.list(message, 'turns'),
  note: col.nullable(col.string('text')),
}
const rows = Array.from({ length: 1000 }, (_, i) => ({
  id: i,
  ids: [i, 2, 3],
  messages: [
    { role: 'user', content: `nothing ${i} é` },
    { role: 'assistant', content: i % 90 === 4 ? `so: ${items[0] as string}!` : 'nothing' },
  ],
  note: i % 200 === 7 ? (items[1] as string) : i % 2 === 0 ? null : '',
}))
const parquet = join(folder, 'rows.parquet')
const writer = await createParquetWriter(parquet, { columns, metadata: {}, rowGroupRows: 64 })
for (const row of rows) await writer.write(row)
await writer.close()
const json = join(folder, 'rows.jsonl')
await writeFile(json, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

test('Parquet gives the hits, paths and counts of the same rows as JSON lines', async () => {
  const [fromParquet, fromJson] = [await scan([parquet]), await scan([json])]
  const told = ({ events }: typeof fromJson): unknown =>
    events.map((event) =>
      event.kind === 'hit'
        ? [
            event.row,
            event.id,
            event.fields.map(({ path, text, matches }) => [path, Buffer.from(text).toString(), matches]),
          ]
        : event,
    )
  assert.ok(fromJson.events.length > 12)
  assert.deepEqual(told(fromParquet), told(fromJson))
  const { counts: a } = fromParquet.totals
  const { counts: b } = fromJson.totals
  assert.deepEqual([a.lines, a.rows, a.words, a.textBytes], [b.lines, b.rows, b.words, b.textBytes])
  assert.deepEqual(a.fields, b.fields)
  assert.deepEqual(fromParquet.totals.documentFrequency, fromJson.totals.documentFrequency)
  const narrow = await scan([parquet], { workers: 1, fields: ['messages[].content'] })
  assert.deepEqual(Object.keys(narrow.totals.counts.fields), ['messages[].content'])
})

test('a pass signs every row with text, by the shingles of its texts', async () => {
  const signer = await createSigner(fineWebShape)
  const expected = rows.map(({ messages }) => {
    const signature = createRowSignature(112)
    for (const { content } of messages) signature.add(signer.sign(Buffer.from(content)))
    return signature.take()
  })
  for (const path of [parquet, json]) {
    const { events } = await scan([path], {
      workers: 2,
      fields: ['messages[].content'],
      signatures: fineWebShape,
    })
    const signed = events.flatMap((event) =>
      event.kind !== 'signed-rows'
        ? []
        : Array.from(event.rows, (row, i) => ({
            row,
            signature: event.signatures.slice(112 * i, 112 * (i + 1)),
            words: event.words[i],
            contentHash: Buffer.from(event.contentHashes.subarray(16 * i, 16 * (i + 1))).toString('hex'),
          })),
    )
    assert.deepEqual(
      signed,
      expected.map((signature, i) => ({ row: i + 1, ...signature })),
    )
  }
})
