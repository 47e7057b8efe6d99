import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import type { ByteSource } from '../../../src/corpus/bytes.ts'
import { dedupeCorpus } from '../../../src/stages/deduplicate/dedupe-corpus.ts'
import { checkedOptions } from '../../../src/stages/deduplicate/options.ts'
import { wantedLines } from '../../../src/stages/deduplicate/wanted-lines.ts'
import { readDedupeSummary } from '../../../src/store/dedupe-summary.ts'
import { readyZstd, unzstd, zstd } from '../../../src/store/zstd.ts'
import { digests } from '../../e2e/command.ts'
import { plantedPairs } from './planted.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-dedupe-corpus-'))
after(() => rm(folder, { recursive: true, force: true }))

/** Bytes that come in pieces of the given sizes, again and again. */
function inPieces(bytes: Uint8Array, sizes: readonly number[]): ByteSource {
  let [at, turn] = [0, 0]
  return {
    read: (target) => {
      const want = Math.min(sizes[turn++ % sizes.length] as number, target.length, bytes.length - at)
      target.set(bytes.subarray(at, at + want))
      at += want
      return want
    },
    close: () => undefined,
  }
}

test('wanted lines are those of a split, however the bytes come', () => {
  const line = fc.oneof(fc.constantFrom('', '\r', 'a', '{"é":1}'), fc.string({ maxLength: 30 }))
  const lines = fc.array(
    line.map((text) => text.replaceAll('\n', ' ')),
    { maxLength: 12 },
  )
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(lines, sizes, fc.array(fc.boolean(), { maxLength: 12 }), (texts, pieces, wants) => {
      const rows = texts.flatMap((text, i) => (wants[i] === true && text !== '' ? [i + 1] : []))
      const source = inPieces(Buffer.from(texts.join('\n')), pieces)
      const found = Array.from(wantedLines(source, rows), ({ row, bytes }) => [
        row,
        Buffer.from(bytes).toString(),
      ])
      assert.deepEqual(
        found,
        rows.map((row) => [row, texts[row - 1]]),
      )
    }),
  )
})

test('a wanted line longer than the buffer comes whole, one that is not wanted is passed over', () => {
  const long = 'x'.repeat(5 * 2 ** 20)
  const bytes = Buffer.from([long, 'b', `${long}y`, 'd'].join('\n'))
  const lines = wantedLines(inPieces(bytes, [2 ** 20]), [2, 3, 4])
  const found = Array.from(lines, ({ row, bytes: text }) => [row, text.length])
  assert.deepEqual(found, [
    [2, 1],
    [3, long.length + 1],
    [4, 1],
  ])
})

const options = checkedOptions({})

test('the folder has the same bytes with one worker and with three', async () => {
  const path = join(folder, 'planted.jsonl')
  // Lines of 3 kB, so that the file has several ranges for the workers.
  const texts = plantedPairs(250, 600, [0.005, 0.01, 0.02, 0.05], 'workers')
  await writeFile(path, texts.map((text, id) => `${JSON.stringify({ id, text })}\n`).join(''))
  for (const workers of [1, 3]) {
    const out = join(folder, `workers-${workers}`)
    await dedupeCorpus({ corpus: [path], fields: ['text'], options, out, workers })
  }
  const [one, three] = [await digests(join(folder, 'workers-1')), await digests(join(folder, 'workers-3'))]
  assert.deepEqual(three, one)
  const { removed } = await readDedupeSummary(join(folder, 'workers-1/dedupe.json'))
  assert.ok(removed.near > 50)
})

test('which rows of two files are duplicates does not depend on the order of the files', async () => {
  const texts = plantedPairs(300, 60, [0.01, 0.05], 'order')
  const paths = [join(folder, 'a.jsonl'), join(folder, 'b.jsonl')]
  for (const [i, path] of paths.entries()) {
    const half = texts.filter((_, at) => at % 2 === i)
    await writeFile(path, half.map((text) => `${JSON.stringify({ text })}\n`).join(''))
  }
  const clusters = async (corpus: readonly string[], out: string) => {
    await dedupeCorpus({ corpus, fields: ['text'], options, out: join(folder, out) })
    const {
      clusters: count,
      removed,
      documents_in_clusters: rows,
    } = await readDedupeSummary(join(folder, out, 'dedupe.json'))
    return { count, removed, rows }
  }
  assert.deepEqual(await clusters(paths.toReversed(), 'ba'), await clusters(paths, 'ab'))
})

test('bad input is counted and stays as it is: not UTF-8, NUL bytes, odd lines, rows without the field', async () => {
  await readyZstd()
  const good = `{"text":"${'same words here and there '.repeat(4)}"}`
  const lines = [
    Buffer.from(good),
    Buffer.from([0x7b, 0x22, 0x74, 0xff, 0x22, 0x7d]),
    Buffer.from('{"text":"nul \\u0000 in a text of some words"}'),
    Buffer.from([0x7b, 0x00, 0x7d]),
    Buffer.from('[1,2]'),
    Buffer.from('{"text":7}'),
    Buffer.from('['.repeat(2000)),
    Buffer.from('{"text":"\\ud800 lone surrogate"}'),
    Buffer.from(good),
  ].map((line, i) => Buffer.concat([line, Buffer.from(i % 2 === 0 ? '\n' : '\r\n')]))
  const path = join(folder, 'bad.jsonl.zst')
  await writeFile(path, zstd(Buffer.concat(lines)))
  const out = join(folder, 'bad')
  await dedupeCorpus({ corpus: [path], fields: ['text'], options, out })
  const summary = await readDedupeSummary(join(out, 'dedupe.json'))
  assert.equal(summary.rows, 9)
  assert.equal(summary.documents, 4)
  assert.equal(
    Object.values(summary.not_compared).reduce((a, b) => a + b),
    5,
  )
  assert.equal(summary.not_compared['not UTF-8'], 1)
  assert.deepEqual(summary.removed, { exact: 1, normalised: 0, near: 0 })

  // What stays is what was there, without the last line.
  const plain = join(folder, 'bad.jsonl')
  await writeFile(plain, Buffer.concat(lines.slice(0, -1)))
  const again = join(folder, 'bad-again')
  await dedupeCorpus({ corpus: [join(out, 'corpus/bad.jsonl.zst')], fields: ['text'], options, out: again })
  assert.deepEqual((await readDedupeSummary(join(again, 'dedupe.json'))).not_compared, summary.not_compared)
  const kept = unzstd(
    await readFile(join(out, 'corpus/bad.jsonl.zst')),
    Buffer.concat(lines.slice(0, -1)).length,
  )
  assert.deepEqual(Buffer.from(kept), await readFile(plain))
})
