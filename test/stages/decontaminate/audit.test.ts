import assert from 'node:assert/strict'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { col } from '../../../src/record/columns.ts'
import { auditManifestSchema } from '../../../src/store/audit-manifest.ts'
import { createParquetWriter } from '../../../src/store/parquet-writer.ts'
import { words } from '../../../src/text/words.ts'
import { audited, file, folder, numbered, table } from './audit-folder.ts'

interface VerdictRow {
  readonly row: bigint
  readonly field_path: string | null
  readonly place: string | null
  readonly item_field: string | null
  readonly status: string
  readonly item_id: string | null
  readonly ties: string[]
}

test('spans cut out of the record, escapes and all, hold the words of the run', async () => {
  const question =
    'Für „naïve“ Leser: 中文 sind x = 1\\frac{2}{3} und "alles" kostet 5 € in Straße 7, sagt man hier immer'
  const benchmark = await file('b.jsonl', [{ id: 'q', question }])
  const escaped = `{"id":7,"text":"caf\\u00e9 \\ud83d\\ude00\\n\\t${JSON.stringify(question).slice(1, -1).replace('ü', '\\u00fc').replace('中', '\\u4e2d')} \\\\ tail","other":1}`
  const corpus = await file('c.jsonl', ['{"text":"clean"}', escaped, { a: { b: [`x ${question} y`] } }])
  const { evidence } = await audited([corpus], [benchmark])
  const bytes = await readFile(corpus)
  assert.deepEqual(
    evidence.map(({ row, field_path: path, doc_id: id }) => [Number(row), path, id]),
    [
      [2, 'text', '7'],
      [3, 'a.b[0]', null],
    ],
  )
  for (const row of evidence) {
    const record = bytes.subarray(Number(row.record_start))
    for (const run of row.runs) {
      const raw = record.subarray(Number(run.byte_start), Number(run.byte_end)).toString()
      const cut = JSON.parse(`"${raw}"`) as string
      assert.deepEqual(words(cut), words(question).slice(run.item_word, run.item_word + run.words))
      assert.equal(run.words, words(question).length)
    }
    const longest = record.subarray(Number(row.byte_start), Number(row.byte_end)).toString()
    assert.deepEqual(words(JSON.parse(`"${longest}"`) as string), words(question))
  }
})

test('prompt, trace and answer have verdicts of their own, and so has each kind of item text', async () => {
  const benchmark = await file('b.jsonl', [
    { id: 'q1', question: numbered(0, 20), choices: [numbered(100, 9), numbered(200, 9)], answer: 1 },
    { id: 'q2', question: numbered(300, 20) },
  ])
  const messages = [
    { role: 'user', content: `Please: ${numbered(0, 20)}` },
    { role: 'assistant', content: `<think>${numbered(300, 20)}</think>It is ${numbered(200, 9)}.` },
  ]
  const { out, summary } = await audited([await file('c.jsonl', [{ messages }])], [benchmark])
  const verdicts = await table<VerdictRow>(join(out, 'verdicts.parquet'))
  const of = (path: string | null, place: string | null, field: string | null) =>
    verdicts.filter((v) => v.field_path === path && v.place === place && v.item_field === field)
  assert.deepEqual(
    of(null, null, null).map((v) => v.status),
    ['contaminated'],
  )
  assert.equal(of('messages[0].content', 'prompt', 'question')[0]?.item_id, 'q1')
  assert.equal(of('messages[1].content', 'trace', null)[0]?.item_id, 'q2')
  const answer = of('messages[1].content', 'answer', 'choice')[0]
  assert.deepEqual([answer?.status, answer?.item_id], ['contaminated', 'q1'])
  assert.equal(of('messages[1].content', 'answer', 'question').length, 0)
  assert.deepEqual(
    summary.places.map(({ place, contaminated }) => [place, contaminated]),
    [
      ['prompt', 1],
      ['trace', 1],
      ['answer', 1],
    ],
  )
})

test('rates have denominators both ways, and a clean verdict says what was looked for', async () => {
  const benchmark = await file('b.jsonl', [
    { id: 'long', question: numbered(0, 20) },
    { id: 'short', question: 'Who wrote Hamlet?' },
    { id: 'ten', question: numbered(50, 10) },
  ])
  const corpus = await file('c.jsonl', [
    ...Array.from({ length: 8 }, (_, i) => ({ text: numbered(900 + 20 * i, 20) })),
    { text: numbered(0, 20) },
    { text: 'who wrote hamlet' },
    'no JSON',
    { note: 7 },
  ])
  const { summary, out } = await audited([corpus], [benchmark])
  const { rows, benchmarks, scan } = summary
  assert.deepEqual([rows.contaminated.count, rows.contaminated.of], [2, 11])
  assert.ok(rows.contaminated.low > 0.03 && rows.contaminated.high < 0.5)
  assert.deepEqual([benchmarks[0]?.contaminated.count, benchmarks[0]?.contaminated.of], [2, 3])
  const looked = scan.benchmarks[0]
  assert.deepEqual([looked?.undetectable_13, looked?.undetectable_7, looked?.key_only], [2, 1, 1])
  assert.deepEqual(scan.corpus.files[0]?.skipped, [{ reason: 'not JSON', rows: 1 }])
  assert.equal(scan.corpus.rows_without_text, 1)
  const ids = await readFile(join(out, 'clean_item_ids', `${benchmarks[0]?.benchmark ?? ''}.txt`), 'utf8')
  assert.equal(ids, 'ten\n')

  const { summary: none } = await audited([await file('d.jsonl', [{ text: 'hello' }])], [benchmark])
  assert.equal(none.status, 'clean')
  assert.match(none.scan.index.sha256, /^[0-9a-f]{64}$/)
  assert.deepEqual([none.scan.index.texts, none.scan.index.ngrams7], [3, 18])
  assert.equal(none.scan.corpus.bytes, Buffer.byteLength('{"text":"hello"}\n'))
  assert.ok(none.rows.contaminated.high > 0.7, 'one clean row proves little')
})

test('an answer near the question is told from one that is not there', async () => {
  const items = [
    { id: 'a', question: numbered(0, 20), answer: '42 apples' },
    { id: 'b', question: numbered(100, 20), answer: '17 pears' },
    { id: 'c', question: numbered(200, 20), answer: numbered(300, 20) },
  ]
  const corpus = await file('c.jsonl', [
    { text: `${numbered(0, 20)} so that makes 42 apples` },
    { text: `${numbered(100, 20)} and nothing else` },
    { text: `${numbered(300, 20)} alone` },
  ])
  const { summary, evidence } = await audited([corpus], [await file('b.jsonl', items)])
  assert.deepEqual(
    evidence.filter(({ item_field: field }) => field === 'question').map((row) => row.answer_within_words),
    [3, null],
  )
  const [found] = summary.benchmarks
  assert.deepEqual([found?.question_only, found?.question_and_answer, found?.answer_only], [1, 1, 1])
})

test('gzip, Parquet and plain files give the same evidence; equal runs give equal bytes', async () => {
  const benchmark = await file('b.jsonl', [{ id: 1, question: numbered(0, 20) }])
  const rows = [
    { messages: [{ role: 'assistant', content: 'nothing' }] },
    {
      messages: [
        { role: 'user', content: 'hm' },
        { role: 'assistant', content: `yes ${numbered(0, 20)}` },
      ],
    },
  ]
  const parquet = join(folder, 'c.parquet')
  const message = col.struct({ role: col.string('role'), content: col.string('text') }, 'message')
  const writer = await createParquetWriter(parquet, {
    columns: { messages: col.list(message, 'chat') },
    metadata: {},
  })
  for (const row of rows) await writer.write(row)
  await writer.close()
  const corpora = [await file('c.jsonl', rows), await file('c.jsonl.gz', rows), parquet]
  const found = await Promise.all(
    corpora.map(async (path) => {
      const { evidence, out } = await audited([path], [benchmark])
      const [record] = await table<{ record: string }>(join(out, 'removed.parquet'))
      assert.deepEqual(JSON.parse(record?.record ?? ''), rows[1])
      return evidence.map(({ row, field_path: at, place, n7_hit: hit, ratio7 }) => [
        row,
        at,
        place,
        hit,
        ratio7,
      ])
    }),
  )
  assert.deepEqual(found[0], [[2n, 'messages[1].content', 'answer', 14, 1]])
  assert.deepEqual(found[1], found[0])
  assert.deepEqual(found[2], found[0])

  const [one, two] = await Promise.all([1, 2].map((workers) => audited(corpora, [benchmark], { workers })))
  const manifests = await Promise.all(
    [one, two].map((run) => readFile(join(run?.out ?? '', 'manifest.json'), 'utf8')),
  )
  assert.equal(manifests[0], manifests[1])
  const manifest = auditManifestSchema.parse(JSON.parse(manifests[0] ?? ''))
  const names = manifest.files.map((each) => each.file)
  for (const name of [
    'evidence.parquet',
    'items.parquet',
    'verdicts.parquet',
    'removed.parquet',
    'audit.json',
  ])
    assert.ok(names.includes(name), name)
  assert.ok(
    !(await readdir(one?.out ?? '')).some((name) => name.includes('partial') || name.includes('scan')),
  )
})

test('bad input is refused with its name: missing and empty benchmarks, missing corpora, two of one name', async () => {
  const corpus = await file('c.jsonl', [{ text: 'x' }])
  const benchmark = await file('b.jsonl', [{ question: 'q' }])
  await assert.rejects(audited([corpus], [join(folder, 'none.jsonl')]), /none\.jsonl/)
  await assert.rejects(audited([corpus], [await file('e.jsonl', [''])]), /has no items/)
  await assert.rejects(audited([join(folder, 'gone.jsonl')], [benchmark]), /there is no file .*gone\.jsonl/)
  await assert.rejects(
    audited(['c.jsonl.zst'], [benchmark], { review: true }),
    /--review cannot read c\.jsonl\.zst/,
  )
  await assert.rejects(audited([corpus], [benchmark, benchmark]), /Two benchmarks have the name b/)
  await assert.rejects(
    audited([corpus], [benchmark], { judging: { info: 0.7 } }),
    /info 0.7 and contaminated 0.5/,
  )
})

test('a file that breaks off is judged as far as it goes, and says so', async () => {
  const benchmark = await file('b.jsonl', [{ id: 1, question: numbered(0, 20) }])
  const rows = Array.from({ length: 4000 }, (_, i) => ({
    text: `${numbered(0, 20)} ${numbered(i * 31, 25)}`,
  }))
  const whole = await file('c.jsonl.gz', rows)
  const cut = join(folder, 'cut.jsonl.gz')
  await writeFile(cut, (await readFile(whole)).subarray(0, 20_000))
  const { summary } = await audited([cut], [benchmark], { selfTestTrials: 2, review: true })
  const [read] = summary.scan.corpus.files
  assert.match(read?.damage ?? '', /cut\.jsonl\.gz: unexpected end of file at byte 20000/)
  assert.ok(summary.rows.contaminated.count > 10 && summary.rows.contaminated.of < 4000)
})

test('ids that come twice are told apart and counted; items without a word are named', async () => {
  const benchmark = await file('b.jsonl', [
    { id: 'same', question: numbered(0, 20) },
    { id: 'same', question: numbered(50, 20) },
    { id: 'blank', question: '???' },
  ])
  const { summary } = await audited([await file('c.jsonl', [{ text: numbered(50, 20) }])], [benchmark])
  assert.deepEqual(summary.scan.benchmarks[0]?.duplicate_ids, 1)
  assert.deepEqual(summary.scan.benchmarks[0].without_feature, ['blank'])
  assert.deepEqual(summary.benchmarks[0]?.contaminated_ids, ['same#2'])
})
