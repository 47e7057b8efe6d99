import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { rngFor } from '../../src/statistics/random.ts'
import { readDedupeSummary } from '../../src/store/dedupe-summary.ts'
import { sha256OfFile } from '../../src/store/files.ts'
import { createParquetWriter } from '../../src/store/parquet-writer.ts'
import { readParquet } from '../../src/store/parquet-reader.ts'
import { col } from '../../src/record/columns.ts'
import { digests, fulcrum, start } from '../e2e/command.ts'
import { plantedPairs } from '../stages/deduplicate/planted.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-dedupe-'))
after(() => rm(folder, { recursive: true, force: true }))

const words = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `word${from + i}`).join(' ')
const attack = '</style><script>alert(1)</script>\u202e'

// Mixed line ends, a byte order mark, a blank line, malformed lines, no last line feed: what stays must stay as it is.
const first = [
  `\ufeff{"id":1,"text":"${words(0, 60)}"}\r\n`,
  `{"text": "${words(100, 160)}"  }\n`,
  '\n',
  'no JSON\n',
  `{"id":"c","text":"${words(0, 60)}"}\n`,
  `{"id":"d","text":"${words(0, 60)} ${attack}"}\n`,
  '{"id":"e","other":"no text"}\r\n',
  `{"id":"f","text":"${words(100, 160).toUpperCase()}"}`,
]
const second = [`{"text":"${words(0, 60)} and more"}\n`, `{"text":"${words(300, 360)}"}\n`]
const inputs = [join(folder, 'first.jsonl'), join(folder, 'second.jsonl.gz')]
const corpus = inputs.flatMap((path) => ['--corpus', path])

before(async () => {
  await writeFile(inputs[0] as string, first.join(''))
  await writeFile(inputs[1] as string, gzipSync(second.join('')))
})

const rowsOf = async (path: string): Promise<Record<string, unknown>[]> => {
  const rows: Record<string, unknown>[] = []
  for await (const row of readParquet(path)) rows.push(row)
  return rows
}

test('dedupe writes the corpus without what it removed, byte for byte, and says why each row went', async () => {
  const out = join(folder, 'out')
  const { code, stdout, stderr } = await fulcrum(['dedupe', ...corpus, '--out', out])
  assert.equal(code, 0, stderr)
  assert.match(stdout, /removed, near +3\n/)
  assert.match(stdout, /4 of 7 rows compared were removed/)

  // Of the first cluster the longest row stays: the one with the attack. The byte order mark belongs to the file.
  const kept = `\ufeff${[1, 2, 3, 5, 6].map((row) => first[row]).join('')}`
  assert.equal(await readFile(join(out, 'corpus/first.jsonl'), 'utf8'), kept)
  const packed = await readFile(join(out, 'corpus/second.jsonl.gz'))
  assert.equal(gunzipSync(packed).toString(), second[1])

  const removed = await rowsOf(join(out, 'removed.parquet'))
  assert.deepEqual(
    removed.map(({ dup_cluster: cluster, file, row, id, kind }) => [cluster, file, row, id, kind]),
    [
      ['first.jsonl:6', 'first.jsonl', 1, '1', 'near'],
      ['first.jsonl:6', 'first.jsonl', 5, 'c', 'near'],
      ['first.jsonl:2', 'first.jsonl', 8, 'f', 'normalised'],
      ['first.jsonl:6', 'second.jsonl.gz', 1, null, 'near'],
    ],
  )
  assert.deepEqual(JSON.parse(removed[1]?.record as string), { id: 'c', text: words(0, 60) })
  const clusters = await rowsOf(join(out, 'clusters.parquet'))
  assert.deepEqual(
    clusters.filter(({ stays }) => stays === true).map((row) => [row.row, row.dup_cluster_size, row.kind]),
    [
      [2, 2, null],
      [6, 4, null],
    ],
  )
  assert.equal(clusters.length, 6)

  const summary = await readDedupeSummary(join(out, 'dedupe.json'))
  assert.deepEqual(summary.removed, { exact: 0, normalised: 1, near: 3 })
  assert.deepEqual(summary.not_compared, { 'not JSON': 1, 'no text in text': 1 })
  assert.deepEqual([summary.rows, summary.documents, summary.clusters], [9, 7, 2])
  const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8')) as {
    files: { file: string; sha256: string }[]
  }
  assert.equal(manifest.files.length, 6)
  for (const { file, sha256 } of manifest.files) assert.equal(await sha256OfFile(join(out, file)), sha256)

  const page = await readFile(join(out, 'dedupe.html'), 'utf8')
  assert.match(page, /4 rows <small>first\.jsonl:6 stays/)
  assert.ok(page.includes('&lt;script&gt;alert(1)'))
  assert.doesNotMatch(page, /<script|\u202e|NaN|undefined/)
})

test('a finished folder is left as it is, a damaged one is mended, one of another run is refused', async () => {
  const out = join(folder, 'again')
  const args = ['dedupe', ...corpus, '--out', out]
  assert.equal((await fulcrum(args)).code, 0)
  const wanted = await digests(out)
  await writeFile(join(out, 'corpus/first.jsonl'), 'damaged')
  assert.equal((await fulcrum(args)).code, 0)
  assert.deepEqual(await digests(out), wanted)
  const again = await fulcrum([...args, '--json'])
  assert.doesNotMatch(again.stderr, /comparing/)
  assert.equal((JSON.parse(again.stdout) as { rows: number }).rows, 9)
  const other = await fulcrum([...args, '--threshold', '0.9'])
  assert.equal(other.code, 2)
  assert.match(other.stderr, /holds another run: options\.threshold is 0\.7 there, 0\.9 here/)
})

test('Parquet rows that stay keep their values, types and order; messages are compared by their contents', async () => {
  const path = join(folder, 'chat.parquet')
  const message = col.struct({ role: col.string('role'), content: col.string('content') }, 'message')
  const writer = await createParquetWriter(path, {
    columns: { id: col.int64('id'), messages: col.list(message, 'chat'), pass_rate: col.double('rate') },
    metadata: { huggingface: '{"info":{"a":"it\'s"}}' },
  })
  const chat = (from: number) => [
    { role: 'user', content: words(from, from + 30) },
    { role: 'assistant', content: words(from + 30, from + 60) },
  ]
  const rows = [0, 100, 0, 200, 100].map((from, i) => ({
    ...{ id: BigInt(i), messages: chat(from), pass_rate: i / 8 },
  }))
  for (const row of rows) await writer.write(row)
  await writer.close()
  const out = join(folder, 'parquet')
  const args = [
    'dedupe',
    '--corpus',
    path,
    '--field',
    'messages[].content',
    '--keep',
    'pass-rate',
    '--out',
    out,
  ]
  const { code, stderr } = await fulcrum(args)
  assert.equal(code, 0, stderr)
  const kept = await rowsOf(join(out, 'corpus/chat.parquet'))
  assert.deepEqual(kept, [rows[2], rows[3], rows[4]])
})

test('mistakes are refused with their values, and nothing is left behind', async () => {
  const truncated = join(folder, 'truncated.jsonl.gz')
  await writeFile(truncated, gzipSync(second.join('')).subarray(0, 60))
  const out = join(folder, 'refused')
  const refused: [string[], RegExp][] = [
    [
      ['--corpus', inputs[0] as string, '--field', 'texts'],
      /None of the 7 rows .* texts\nnext:.*first rows have id, text, other/,
    ],
    [['--corpus', 'gone.jsonl'], /gone\.jsonl/],
    [['--corpus', inputs[0] as string, '--corpus', inputs[0] as string], /first\.jsonl is given twice/],
    [['--corpus', truncated], /truncated\.jsonl\.gz: unexpected end of file at byte 60 of 60/],
    [['--corpus', inputs[0] as string, '--bands', '0'], /--bands 0/],
    [[], /--corpus/],
  ]
  for (const [args, says] of refused) {
    const { code, stdout, stderr } = await fulcrum(['dedupe', ...args, '--out', out], folder)
    assert.equal(code, 2, stdout + stderr)
    assert.match(stderr, says)
    const left = await readdir(out, { recursive: true }).catch(() => [])
    assert.deepEqual(
      left.filter((name) => name !== 'plan.json'),
      [],
    )
    await rm(out, { recursive: true, force: true })
  }
})

test('runs killed at any moment end with the bytes of an undisturbed one', async () => {
  const path = join(folder, 'many.jsonl')
  const texts = plantedPairs(700, 60, [0.01, 0.05], 'kill')
  await writeFile(path, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''))
  const commandInto = (out: string): string[] => ['dedupe', '--corpus', path, '--out', join(folder, out)]
  const whole = start(commandInto('whole'))
  await whole.speaks()
  const began = performance.now()
  assert.equal((await whole.ended).code, 0)
  const took = performance.now() - began
  const random = rngFor('kill', 'dedupe')
  let killed = 0
  for (let i = 0; i < 5; i++) {
    const run = start(commandInto('killed'))
    await run.speaks()
    const timer = setTimeout(() => run.child.kill('SIGKILL'), ((i + random.next()) / 5) * took)
    if ((await run.ended).code === null) killed++
    clearTimeout(timer)
  }
  assert.ok(killed > 0, 'at least one run was killed')
  assert.equal((await fulcrum(commandInto('killed'))).code, 0)
  assert.deepEqual(await digests(join(folder, 'killed')), await digests(join(folder, 'whole')))
})
