import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { col } from '../../../src/record/columns.ts'
import { judgeAgain } from '../../../src/stages/decontaminate/audit/audit.ts'
import { entriesFor } from '../../../src/stages/decontaminate/phrases.ts'
import { createParquetWriter } from '../../../src/store/parquet-writer.ts'
import { audited, file, folder, numbered, table } from './audit-folder.ts'

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
    choices: [numbered(9000 + 4 * i, 3), numbered(9500 + 4 * i, 3)],
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
  const tested = summary.self_test
  assert.ok(tested !== null)
  assert.equal(tested.hosts, 40)
  const recall = (kind: string) => tested.kinds.find((each) => each.kind === kind)?.contaminated
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
  for (const { kind, contaminated } of tested.kinds.filter((each) => each.expected === 'clean'))
    assert.deepEqual([kind, contaminated.count, contaminated.of], [kind, 0, 40])
  assert.ok((recall('10 % of words changed')?.count ?? 40) < 40, 'a rule that finds everything is not tested')
  assert.deepEqual((await audited(...inputs)).summary.self_test, tested)
})

test('review lists renumbered and reworded items in a table of its own and removes nothing', async () => {
  const stories = Array.from({ length: 40 }, (_, i) => ({
    id: `s${i}`,
    question: numbered(100 * i, 25, 'story'),
  }))
  const question =
    'Anna buys 12 lemons and 7 melons at the harbour market, then gives 5 lemons to 3 cousins on day 2 of the 9 day fair. How many pieces of fruit are left?'
  const corpus = await file('c.jsonl', [
    { text: question.replace(/\d+/g, (number) => String(Number(number) + 31)) },
    {
      text: 'On day 2 of a fair of 9 days, 3 cousins of Anna get 5 lemons. Anna had bought 7 melons plus 12 lemons; the harbour has a market. Count the pieces of fruit which are left, how many?',
    },
    { text: 'Unrelated words about boats and rivers with 12 sailors.' },
    { text: question },
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
  const removed = await table<{ row: bigint }>(join(out, 'removed.parquet'))
  assert.deepEqual(
    removed.map(({ row }) => row),
    [4n],
    'and what is removed is not for review',
  )
})
