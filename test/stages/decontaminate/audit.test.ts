import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import {
  audit,
  type AuditOptions,
  judgeAgain,
  sealAudit,
} from '../../../src/stages/decontaminate/audit/audit.ts'
import type { EvidenceRow } from '../../../src/stages/decontaminate/audit/evidence-row.ts'
import { entriesFor } from '../../../src/stages/decontaminate/phrases.ts'
import { auditManifestSchema } from '../../../src/store/audit-manifest.ts'
import { col } from '../../../src/record/columns.ts'
import { createParquetWriter } from '../../../src/store/parquet-writer.ts'
import { readParquet } from '../../../src/store/parquet-reader.ts'
import { words } from '../../../src/text/words.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-audit-'))
after(() => rm(folder, { recursive: true, force: true }))

const numbered = (from: number, count: number, stem = 'w'): string =>
  Array.from({ length: count }, (_, i) => `${stem}${from + i}`).join(' ')

let made = 0
async function file(name: string, lines: readonly unknown[]): Promise<string> {
  const path = join(folder, String(made++), name)
  await mkdir(join(path, '..'), { recursive: true })
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n')
  await writeFile(path, name.endsWith('.gz') ? gzipSync(`${text}\n`) : `${text}\n`)
  return path
}

/** Audits real files into a new folder; gives the summary, the folder, and its evidence. */
async function audited(
  corpus: readonly string[],
  benchmarks: AuditOptions['benchmarks'],
  more: Partial<AuditOptions> = {},
) {
  const out = join(folder, String(made++))
  const { summary, written } = await audit({
    folder: out,
    corpus,
    benchmarks,
    fields: [],
    workers: 2,
    allow: [],
    versions: { fulcrum: '0.0.0', node: 'v20' },
    judging: {},
    selfTestTrials: 0,
    seed: 1,
    review: false,
    signal: new AbortController().signal,
    watch: () => undefined,
    watchReview: () => undefined,
    ...more,
  })
  await sealAudit(out, written)
  return { summary, out, written, evidence: await table<EvidenceRow>(join(out, 'evidence.parquet')) }
}

async function table<T>(path: string): Promise<T[]> {
  const rows: T[] = []
  for await (const row of readParquet(path)) rows.push(row as T)
  return rows
}

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

test('stored evidence is judged again by any rule, without the corpus', async () => {
  const benchmark = await file('b.jsonl', [{ id: 1, question: numbered(0, 30) }])
  const corpus = await file('c.jsonl', [{ text: `${numbered(0, 12)} ${numbered(700, 40)}` }])
  const { summary, out } = await audited([corpus], [benchmark])
  assert.equal(summary.status, 'partial')
  await rm(corpus)
  assert.equal((await judgeAgain(out, { rule: 'gpt3' })).summary.status, 'clean')
  assert.equal((await judgeAgain(out, { contaminated: 0.25 })).summary.status, 'contaminated')
  assert.equal(
    (await judgeAgain(out, { rule: 'longest-match', contaminated: 0.4 })).summary.status,
    'contaminated',
  )
  const removed = await table<{ reason: string; record: string }>(join(out, 'removed.parquet'))
  assert.match(removed[0]?.reason ?? '', /^contaminated \(longest run\): b item 1$/)
  assert.ok((JSON.parse(removed[0]?.record ?? '') as { text: string }).text.startsWith('w0 w1'))
  const denied = { deny: entriesFor([numbered(2, 7)], 'canary') }
  assert.equal((await judgeAgain(out, denied)).summary.status, 'contaminated')
})

test('common n-grams are excluded after the pass, listed with what they would have removed; leaks are not common', async () => {
  const boilerplate = numbered(0, 14, 'boiler')
  const benchmark = await file('b.jsonl', [
    { id: 'x', question: `${numbered(0, 40)} ${boilerplate}` },
    { id: 'leaked', question: numbered(500, 20) },
  ])
  const corpus = await file('c.jsonl', [
    ...Array.from({ length: 30 }, (_, i) => ({ text: `${numbered(1000 + 50 * i, 40)} ${boilerplate}` })),
    ...Array.from({ length: 30 }, (_, i) => ({ text: `${numbered(500, 20)} ${i}` })),
  ])
  const { summary, out } = await audited([corpus], [benchmark])
  assert.equal(summary.rows.contaminated.count, 60)
  assert.deepEqual(summary.frequent[0]?.rows, 30)
  const { summary: again } = await judgeAgain(out, { commonRows: 20 })
  assert.equal(again.rows.contaminated.count, 30, 'the item that leaked thirty times stays')
  const excluded = again.exclusions.find(({ ngram }) => ngram === numbered(0, 13, 'boiler'))
  assert.deepEqual(excluded, {
    ngram: numbered(0, 13, 'boiler'),
    why: 'common in the corpus',
    rows: 30,
    would_have_removed: 30,
  })
  const { summary: allowed } = await judgeAgain(out, { allow: entriesFor([boilerplate], 'our own footer') })
  assert.equal(allowed.rows.contaminated.count, 30)
  assert.equal(allowed.exclusions[0]?.why, 'our own footer')
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

test('the corpus is written without contaminated rows, with them apart, or blanked; other rows stay byte for byte', async () => {
  const benchmark = await file('b.jsonl', [
    { id: 1, question: `${numbered(0, 20)} "é"` },
    { id: 2, question: 'Who wrote it?' },
  ])
  const lines = [
    '{ "text" : "odd   spacing \\u00e9",\t"n": 1.0 }\r',
    `{"text":"say \\"${numbered(0, 20)} \\\"\\u00e9\\\" now","k":[1]}`,
    'not JSON at all',
    '{"text":"who wrote it"}',
    '{"text":"fine"}',
  ]
  const corpus = await file('c.jsonl', lines)
  const read = (out: string, name: string) => readFile(join(out, name), 'utf8')
  const clean = await audited([corpus], [benchmark], { write: 'clean' })
  assert.equal(await read(clean.out, 'corpus/c.jsonl'), `${[0, 2, 4].map((i) => lines[i]).join('\n')}\n`)
  await judgeAgain(clean.out, {}, 'quarantine')
  assert.equal(await read(clean.out, 'quarantine/c.jsonl'), `${[1, 3].map((i) => lines[i]).join('\n')}\n`)
  await judgeAgain(clean.out, {}, 'redact')
  const redacted = [
    lines[0],
    '{"text":"say \\"[redacted]\\" now","k":[1]}',
    lines[2],
    '{"text":"[redacted]"}',
    lines[4],
  ]
  assert.equal(await read(clean.out, 'corpus/c.jsonl'), `${redacted.join('\n')}\n`)
  assert.deepEqual(
    clean.written.map(({ file: name }) => name),
    ['corpus/c.jsonl'],
  )
})

test('texts inside Parquet rows are blanked, and nothing else changes', async () => {
  const benchmark = await file('b.jsonl', [{ id: 1, question: numbered(0, 20) }])
  const parquet = join(folder, 'redact.parquet')
  const message = col.struct({ role: col.string('role'), content: col.string('text') }, 'message')
  const writer = await createParquetWriter(parquet, {
    columns: { n: col.int64('number'), messages: col.list(message, 'chat') },
    metadata: {},
  })
  const said = (content: string) => ({
    n: 9n,
    messages: [
      { role: 'user', content: 'hm' },
      { role: 'assistant', content },
    ],
  })
  await writer.write(said(`ä yes ${numbered(0, 20)}!`))
  await writer.write(said('nothing'))
  await writer.close()
  const { out } = await audited([parquet], [benchmark], { write: 'redact' })
  assert.deepEqual(await table(join(out, 'corpus/redact.parquet')), [
    said('ä yes [redacted]!'),
    said('nothing'),
  ])
  await judgeAgain(out, {}, 'clean')
  assert.deepEqual(await table(join(out, 'corpus/redact.parquet')), [said('nothing')])
})

test('the self-test finds verbatim leaks, spares hard negatives, and draws the same again', async () => {
  const items = Array.from({ length: 30 }, (_, i) => ({
    id: i,
    question: `${numbered(40 * i, 24)}?`,
    choices: [`${numbered(9000 + 4 * i, 3)}`, `${numbered(9500 + 4 * i, 3)}`],
  }))
  const hosts = Array.from({ length: 40 }, (_, i) => ({
    text: `${numbered(20_000 + 40 * i, 30)}. ${numbered(50_000 + 9 * i, 9)}.`,
  }))
  const inputs = [
    [await file('c.jsonl', hosts)],
    [await file('b.jsonl', items)],
    { selfTestTrials: 40 },
  ] as const
  const { summary } = await audited(...inputs)
  const test = summary.self_test
  assert.equal(test?.hosts, 40)
  const recall = (kind: string) => test?.kinds.find((each) => each.kind === kind)?.contaminated
  for (const kind of [
    'verbatim',
    'own paragraph',
    'embedded in a sentence',
    'upper case',
    'LaTeX spacing',
    'question only',
    'choices reordered',
  ])
    assert.deepEqual([kind, recall(kind)?.count, recall(kind)?.of], [kind, 40, 40])
  for (const { kind, contaminated } of test?.kinds.filter((each) => each.expected === 'clean') ?? [])
    assert.deepEqual([kind, contaminated.count, contaminated.of], [kind, 0, 40])
  assert.ok((recall('10 % of words changed')?.count ?? 40) < 40, 'a rule that finds everything is not tested')
  assert.deepEqual((await audited(...inputs)).summary.self_test, test)
})

test('review lists renumbered and reworded items in a table of its own and removes nothing', async () => {
  const stories = Array.from({ length: 40 }, (_, i) => ({
    id: `s${i}`,
    question: numbered(100 * i, 25, 'story'),
  }))
  const question =
    'Anna buys 12 lemons and 7 melons at the harbour market, then gives 5 lemons to her cousin Bruno. How many pieces of fruit does Anna carry home?'
  const corpus = await file('c.jsonl', [
    { text: question.replace('12', '31').replace('7', '40').replace('5', '9') },
    {
      text: 'At the harbour market Anna bought 7 melons plus 12 lemons; her cousin Bruno gets 5 lemons from Anna. Count the fruit pieces Anna takes home, how many are they?',
    },
    { text: 'Unrelated words about boats and rivers with 12 sailors.' },
  ])
  const { summary, out } = await audited(
    [corpus],
    [await file('b.jsonl', [...stories, { id: 'fruit', question }])],
    { review: true },
  )
  const rows = await table<{ row: bigint; item_id: string; kind: string }>(join(out, 'review.parquet'))
  assert.deepEqual(
    rows.map(({ row, item_id: id, kind }) => [Number(row), id, kind]),
    [
      [1, 'fruit', 'numbers changed'],
      [2, 'fruit', 'paraphrase'],
    ],
  )
  assert.deepEqual(
    [summary.review?.rows, summary.review?.paraphrase.count, summary.review?.numbers.count],
    [2, 1, 1],
  )
  assert.ok(!(await table<{ row: bigint }>(join(out, 'removed.parquet'))).some(({ row }) => row === 2n))
})

test('bad input is refused with its name: missing and empty benchmarks, missing corpora, two of one name', async () => {
  const corpus = await file('c.jsonl', [{ text: 'x' }])
  const benchmark = await file('b.jsonl', [{ question: 'q' }])
  await assert.rejects(audited([corpus], [join(folder, 'none.jsonl')]), /none\.jsonl/)
  await assert.rejects(audited([corpus], [await file('e.jsonl', [''])]), /has no items/)
  await assert.rejects(audited([join(folder, 'gone.jsonl')], [benchmark]), /there is no file .*gone\.jsonl/)
  await assert.rejects(audited([corpus], [benchmark, benchmark]), /Two benchmarks have the name b/)
  await assert.rejects(
    audited([corpus], [benchmark], { judging: { info: 0.7 } }),
    /info 0.7 and contaminated 0.5/,
  )
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
