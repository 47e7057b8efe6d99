import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fieldText } from '../../src/corpus/fields.ts'
import { readyZstd, zstd } from '../../src/store/zstd.ts'
import { items, scan } from './corpus.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-corpus-'))
after(() => rm(folder, { recursive: true, force: true }))
await readyZstd()

const put = async (name: string, content: string | Uint8Array): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, content)
  return path
}

/** 2.5 MB of short and long lines, with an item in every hundredth row and blank lines between. */
const lines = Array.from({ length: 6000 }, (_, i) => {
  if (i % 97 === 0) return ' \r'
  const filler = `row ${i} of nothing in particular, `.repeat(1 + ((i * 7919) % (i % 500 === 0 ? 9000 : 23)))
  const content = i % 100 === 3 ? `${filler}\n${items[i % 200 === 3 ? 0 : 1] ?? ''} é` : filler
  return JSON.stringify({
    id: `row-${i}`,
    n: i,
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content },
    ],
  })
})
const whole = `${lines.join('\n')}\n`
const plain = await put('plain.jsonl', whole)
const hitLines = lines.flatMap((line, i) => (items.some((item) => line.includes(item)) ? [i + 1] : []))
assert.ok(whole.length > 2.2 * 2 ** 20 && hitLines.length > 40)

test('hits come in order with their rows, bytes and fields, whatever the workers do', async () => {
  const once = await scan([plain, plain], { workers: 1 })
  const hits = once.events.filter((event) => event.kind === 'hit')
  assert.deepEqual(
    hits.map(({ file, row }) => [file, row]),
    [0, 1].flatMap((file) => hitLines.map((row) => [file, row])),
  )
  const bytes = Buffer.from(whole)
  for (const { row, id, recordStart, recordEnd, record, fields } of hits) {
    const line = bytes.subarray(recordStart, recordEnd)
    assert.equal(line.toString(), lines[row - 1])
    assert.equal(id, `row-${row - 1}`)
    assert.deepEqual(record, new Uint8Array(line))
    assert.deepEqual(
      fields.map(({ path }) => path),
      ['messages[1].content'],
    )
    for (const field of fields) {
      assert.deepEqual(Buffer.from(field.text), Buffer.from(fieldText(line, field)))
      const [run] = field.matches.runs
      assert.ok(run !== undefined)
      assert.equal(Buffer.from(field.text.subarray(run.byteStart, run.byteEnd)).toString(), items[run.entry])
    }
  }
  for (const workers of [2, 3]) {
    const again = await scan([plain, plain], { workers })
    assert.deepEqual(again, once)
  }
})

test('totals count rows, bytes, words, paths and documents of each n-gram', async () => {
  const { totals } = await scan([plain])
  const { counts } = totals
  const blank = lines.filter((line) => line === ' \r').length
  assert.deepEqual([counts.lines, counts.rows], [lines.length, lines.length - blank])
  assert.equal(counts.bytes, Buffer.byteLength(whole))
  assert.deepEqual(Object.keys(counts.fields).sort(), ['id', 'messages[].content', 'messages[].role'])
  assert.equal(counts.fields['messages[].content']?.strings, 2 * counts.rows)
  assert.equal(Math.max(...totals.documentFrequency), hitLines.length / 2)
  assert.deepEqual(
    totals.files.map(({ rows, damage }) => [rows, damage]),
    [[counts.rows, null]],
  )
})

test('packed files give what the plain one gives, in members and frames of any size', async () => {
  const bytes = Buffer.from(whole)
  const cuts = [0, 1, 70_000, 70_001, 1_500_000, bytes.length]
  const parts = cuts.slice(1).map((end, i) => bytes.subarray(cuts[i], end))
  const expected = await scan([plain])
  const packed = await Promise.all([
    put('whole.jsonl.gz', gzipSync(bytes)),
    put('members.jsonl.gz', Buffer.concat(parts.map((part) => gzipSync(part)))),
    put('whole.jsonl.zst', zstd(bytes)),
    put('frames.ndjson.zst', Buffer.concat(parts.map((part) => zstd(part)))),
  ])
  for (const path of packed) {
    const { events, totals } = await scan([path])
    assert.deepEqual(events, expected.events)
    assert.deepEqual(totals.counts, expected.totals.counts)
  }
})
