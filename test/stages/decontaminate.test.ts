import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { FulcrumError } from '../../src/errors.ts'
import type { BenchmarkText } from '../../src/stages/decontaminate/benchmarks.ts'
import { createScanner, decontaminate } from '../../src/stages/decontaminate/decontaminate.ts'
import { allowList, commonNgrams, judge } from '../../src/stages/decontaminate/verdict.ts'
import { buildNgramIndex } from '../../src/text/ngram-index.ts'
import { ngrams } from '../../src/text/ngrams.ts'
import { words } from '../../src/text/words.ts'
import { runStage } from './run-stage.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-decontaminate-'))
after(() => rm(folder, { recursive: true, force: true }))

const benchmark = async (name: string, items: readonly unknown[]): Promise<string> => {
  const file = join(folder, name)
  const text = items.map((item) => JSON.stringify(item)).join('\n')
  await writeFile(file, name.endsWith('.gz') ? gzipSync(text) : text)
  return file
}

// The published example, Phi-4 (arXiv 2412.08905), appendix B.1.
const train =
  'There are some oarsmen in a boat. The average weight is increased by 1.8 kg when one of the crew, who weighs 53 kg, is replaced by a new man who weighs 71 kg. How many oarsmen are there in the boat?'
const agieval =
  'The average weight of 10 oarsmen in a boat is increased by 1.8 kg when one of the crew, who weighs 53 kg is replaced by a new man. Find the weight of the new man.A. 71 B.62 C.43 D.67 E.40'

const item = (itemId: string, text: string): BenchmarkText => ({ benchmark: 'b', itemId, words: words(text) })

test('the published example has its 15 shared 7-grams, its 13-gram and 9 of them, and is contaminated', () => {
  const [shared, ...others] = buildNgramIndex([words(agieval)]).find(words(train))
  assert.ok(shared !== undefined)
  assert.equal(others.length, 0)
  assert.equal(shared.shared7, 15)
  assert.equal(shared.ngrams13.length, 9)
  assert.ok(shared.ngrams13.includes('one of the crew who weighs 53 kg is replaced by a new'))
  assert.equal(shared.ratio7, 15 / 37)
  assert.equal(ngrams(words(train), 7).length, 37)

  const verdict = createScanner([item('oarsmen', agieval)])(train)
  assert.equal(verdict.status, 'contaminated')
  assert.equal(verdict.rule, '13-gram')
  assert.equal(verdict.ratio7, 15 / 37)
  assert.ok(shared.ngrams13.includes(verdict.ngram13 ?? ''))
})

test('the published ratio 15/38 counts an empty word after the last sign', () => {
  // What a program does that replaces runs of other signs and splits at spaces without trimming.
  const untrimmed = train
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .split(' ')
  assert.equal(untrimmed.at(-1), '')
  const item7 = new Set(ngrams(words(agieval), 7))
  const train7 = ngrams(untrimmed, 7)
  const shared = train7.filter((gram) => item7.has(gram)).length
  assert.equal(train7.length, 38)
  assert.equal(shared / Math.min(train7.length, item7.size), 0.39473684210526316)
})

const numbered = (from: number, count: number, stem = 'w'): string =>
  Array.from({ length: count }, (_, i) => `${stem}${from + i}`).join(' ')

test('above info is partial, from contaminated on contaminated, and equal to info still clean', () => {
  // 16 words each, 10 7-grams; k shared words give k - 6 shared 7-grams.
  const scan = (shared: number) =>
    createScanner([item('x', numbered(0, 16))])(`${numbered(0, shared)} ${numbered(100, 16 - shared)}`)
  assert.deepEqual([scan(8).ratio7, scan(8).status], [0.2, 'clean'])
  assert.deepEqual([scan(9).ratio7, scan(9).status], [0.3, 'partial'])
  assert.deepEqual([scan(10).ratio7, scan(10).status], [0.4, 'partial'])
  assert.deepEqual([scan(11).ratio7, scan(11).status], [0.5, 'contaminated'])
  assert.equal(scan(8).item, null)
  assert.equal(scan(9).item?.itemId, 'x')
})

test('the ratio is of one item: two halves from two items do not add up', () => {
  const halves = [item('one', numbered(0, 30)), item('two', numbered(50, 30))]
  const verdict = createScanner(halves)(`${numbered(0, 12)} ${numbered(50, 11)} ${numbered(200, 13)}`)
  assert.equal(verdict.ratio7, 6 / 24)
  assert.equal(verdict.status, 'partial')
  assert.equal(verdict.item?.itemId, 'one')
})

test('of items that share a 13-gram the one with the largest ratio is named', () => {
  const both = [item('loose', `${numbered(0, 13)} ${numbered(300, 40)}`), item('close', numbered(0, 20))]
  assert.equal(createScanner(both)(`${numbered(0, 20)} ${numbered(500, 9)}`).item?.itemId, 'close')
})

test('each published common 13-gram is allowed, and one word more of overlap is not', () => {
  for (const common of commonNgrams) {
    const text = `${numbered(0, 20)} ${common} ${numbered(20, 20)}`
    const other = `${numbered(100, 20)} ${common} ${numbered(120, 20)}`
    assert.equal(createScanner([item('x', other)])(text).rule, null, common)
    const more = `${numbered(100, 19)} w18 w19 ${common} w20 ${numbered(121, 19)}`
    assert.equal(createScanner([item('x', more)])(text).rule, '13-gram', common)
  }
})

test('an allowed 13-gram does not hide another one', () => {
  const phrase = numbered(0, 13)
  const shared = buildNgramIndex([words(numbered(0, 14))]).find(words(numbered(0, 14)))
  const verdict = judge(shared, { info: 0.2, contaminated: 0.5 }, allowList([phrase]))
  assert.equal(verdict.ngram13, numbered(1, 13))
})

test('an allowed phrase of a few words is refused', () => {
  assert.throws(() => allowList(['the answer is']), /"the answer is" has fewer than 7 words/)
})

test('items under 13 words are found by equality with the whole text only', () => {
  const scan = createScanner([item('short', 'Who wrote Hamlet?'), item('long', numbered(0, 13))])
  assert.deepEqual(
    [scan('who wrote  HAMLET').rule, scan('who wrote  HAMLET').item?.itemId],
    ['short item', 'short'],
  )
  assert.equal(scan('So who wrote Hamlet?').status, 'clean')
  assert.equal(scan('').status, 'clean')
})

const run = (options: Parameters<typeof decontaminate>[0], rows: readonly Record<string, unknown>[]) =>
  runStage(decontaminate(options), rows)

test('the stage drops contaminated rows with benchmark and item, keeps and marks partial ones', async () => {
  const file = await benchmark('two.jsonl', [
    { id: 'q1', question: numbered(0, 20) },
    { question: numbered(100, 16) },
  ])
  const { kept, dropped } = await run({ against: [{ file }] }, [
    { id: 'a', problem: numbered(0, 20) },
    { id: 'b', problem: `${numbered(100, 9)} ${numbered(900, 7)}` },
    { id: 'c', problem: 'something else' },
  ])
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.id, reason]),
    [['a', 'contaminated (13-gram): two item q1']],
  )
  assert.deepEqual(kept, [
    {
      id: 'b',
      problem: `${numbered(100, 9)} ${numbered(900, 7)}`,
      decon_status: 'partial',
      decon_benchmark: 'two',
      decon_item_id: '2',
      decon_ratio7: 0.3,
      decon_ngram13: null,
    },
    {
      id: 'c',
      problem: 'something else',
      decon_status: 'clean',
      decon_benchmark: null,
      decon_item_id: null,
      decon_ratio7: 0,
      decon_ngram13: null,
    },
  ])
})

test('problem and completion are separate texts, and the worse verdict decides', async () => {
  const file = await benchmark('split.jsonl', [{ id: 1, problem: numbered(0, 20) }])
  const halves = { problem: numbered(0, 10), completion: numbered(10, 10) }
  const { dropped } = await run({ against: [{ file, name: 'named' }] }, [
    { id: 'halves', ...halves },
    { id: 'leak', problem: 'clean words', completion: `Sure: ${numbered(0, 20)}` },
  ])
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.id, reason]),
    [
      ['halves', 'contaminated (7-gram): named item 1'],
      ['leak', 'contaminated (13-gram): named item 1'],
    ],
  )
  const only = await run({ against: [{ file }], fields: ['problem'] as never }, [
    { id: 'leak', problem: 'clean words', completion: numbered(0, 20) },
  ])
  assert.equal(only.kept.length, 1)
})

test('gzip, chosen fields inside structs, lists of turns, and ids of several names are read', async () => {
  const packed = await benchmark('packed.jsonl.gz', [
    { task_id: 'T/0', prompt: 'unused', choices: { text: [numbered(0, 14), numbered(20, 14)] } },
  ])
  const turns = await benchmark('turns.jsonl', [{ question_id: 81, turns: ['hello', numbered(40, 14)] }])
  const against = [{ file: packed, fields: ['choices.text'] }, { file: turns }]
  const { dropped } = await run({ against }, [
    { id: 'a', problem: numbered(20, 14) },
    { id: 'b', problem: numbered(40, 14) },
  ])
  assert.deepEqual(
    dropped.map(({ reason }) => reason),
    ['contaminated (13-gram): packed item T/0', 'contaminated (13-gram): turns item 81'],
  )
})

test('items without words are counted', async () => {
  const file = await benchmark('empty.jsonl', [{ question: '…' }, { question: 'a question' }])
  const { counters } = await run({ against: [{ file }] }, [{ id: 'a', problem: 'x' }])
  assert.equal(counters['benchmark items without words'], 1)
})

test('the identity of a run holds the benchmark by content, not by place', async () => {
  const one = decontaminate({ against: [{ file: await benchmark('same.jsonl', [{ question: 'a b' }]) }] })
  const two = decontaminate({ against: [{ file: await benchmark('same.jsonl', [{ question: 'a c' }]) }] })
  assert.notDeepEqual(one.options, two.options)
  assert.ok(!JSON.stringify(one.options).includes(folder))
})

test('bad options and benchmark files are named before a row is read, or at the first row', async () => {
  assert.throws(() => decontaminate({ against: [] }), FulcrumError)
  const missing = join(folder, 'none.jsonl')
  assert.throws(() => decontaminate({ against: [{ file: missing }] }), /none\.jsonl/)
  const file = await benchmark('plain.jsonl', [{ question: 'q' }])
  assert.throws(() => decontaminate({ against: [{ file }], info: 0.6 }), /info 0.6 and contaminated 0.5/)
  const other = { file, fields: ['queston'] }
  await assert.rejects(run({ against: [other] }, [{ id: 'a', problem: 'x' }]), /no text in queston/)
  const broken = join(folder, 'broken.jsonl')
  await writeFile(broken, '{"question": "fine"}\n{"question": ')
  await assert.rejects(run({ against: [{ file: broken }] }, [{ id: 'a', problem: 'x' }]), /broken\.jsonl:2/)
})
