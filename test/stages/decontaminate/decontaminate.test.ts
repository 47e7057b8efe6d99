import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { FulcrumError } from '../../../src/errors.ts'
import { decontaminate } from '../../../src/stages/decontaminate/decontaminate.ts'
import type { ItemText } from '../../../src/stages/decontaminate/evidence.ts'
import { sharedNgrams } from '../../../src/stages/decontaminate/evidence.ts'
import { judgingOf, type JudgingOptions } from '../../../src/stages/decontaminate/judging.ts'
import { entriesFor, publishedCommon } from '../../../src/stages/decontaminate/phrases.ts'
import { createTextJudge } from '../../../src/stages/decontaminate/text-judge.ts'
import { ngrams } from '../../fixtures/ngrams.ts'
import { words } from '../../../src/text/words.ts'
import { runStage } from '../run-stage.ts'

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

const item = (itemId: string, text: string): ItemText => ({
  ...{ benchmark: 'b', config: '', split: '', itemId },
  field: 'question',
  text,
})

const judgeOf = (texts: readonly ItemText[], options: JudgingOptions = {}) =>
  createTextJudge(texts, judgingOf(options))

test('the published example has its 15 shared 7-grams, its 13-gram and 9 of them, and is contaminated', async () => {
  const verdict = (await judgeOf([item('oarsmen', agieval)]))(train)
  assert.equal(verdict.status, 'contaminated')
  assert.equal(verdict.reason, '13-gram')
  assert.equal(verdict.score, 15 / 37)
  assert.ok(verdict.pair !== null)
  assert.equal(sharedNgrams(verdict.pair, 7).length, 15)
  const shared13 = sharedNgrams(verdict.pair, 13).map(({ ngram }) => ngram)
  assert.equal(shared13.length, 9)
  assert.ok(shared13.includes('one of the crew who weighs 53 kg is replaced by a new'))
  assert.ok(shared13.includes(verdict.ngram ?? ''))
  assert.equal(ngrams(words(train), 7).length, 37)
  // Without the 13-gram rule the ratio alone is above .2 and under .5.
  const allow = entriesFor(shared13, 'test')
  assert.equal((await judgeOf([item('oarsmen', agieval)], { allow }))(train).status, 'partial')
  assert.equal(
    (await judgeOf([item('oarsmen', agieval)], { allow, rule: 'strict' }))(train).status,
    'contaminated',
  )
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

test('above info is partial, from contaminated on contaminated, and equal to info still clean', async () => {
  // 16 words each, 10 7-grams; k shared words give k - 6 shared 7-grams.
  const judge = await judgeOf([item('x', numbered(0, 16))])
  const of = (shared: number) => judge(`${numbered(0, shared)} ${numbered(100, 16 - shared)}`)
  assert.deepEqual([of(8).score, of(8).status], [0.2, 'clean'])
  assert.deepEqual([of(9).score, of(9).status], [0.3, 'partial'])
  assert.deepEqual([of(10).score, of(10).status], [0.4, 'partial'])
  assert.deepEqual([of(11).score, of(11).status], [0.5, 'contaminated'])
  assert.equal(of(8).pair, null)
  assert.equal(of(9).pair?.item.itemId, 'x')
})

test('the ratio is of one item: two halves from two items do not add up', async () => {
  const judge = await judgeOf([item('one', numbered(0, 30)), item('two', numbered(50, 30))])
  const verdict = judge(`${numbered(0, 12)} ${numbered(50, 11)} ${numbered(200, 13)}`)
  assert.equal(verdict.score, 6 / 24)
  assert.equal(verdict.status, 'partial')
  assert.equal(verdict.pair?.item.itemId, 'one')
})

test('of items that share a 13-gram the one covered most is named, and equal ones are listed', async () => {
  const loose = item('loose', `${numbered(0, 13)} ${numbered(300, 40)}`)
  const close = item('close', numbered(0, 20))
  const twin = item('twin', numbered(0, 20))
  const text = `${numbered(0, 20)} ${numbered(500, 9)}`
  const verdict = (await judgeOf([loose, close, twin, { ...close, field: 'context' }]))(text)
  assert.equal(verdict.pair?.item.itemId, 'close')
  assert.deepEqual(
    verdict.ties.map(({ itemId }) => itemId),
    ['twin'],
  )
  assert.deepEqual((await judgeOf([loose, close]))(text).ties, [])
})

test('each published common 13-gram is allowed, and one word more of overlap is not', async () => {
  for (const common of publishedCommon) {
    const text = `${numbered(0, 20)} ${common} ${numbered(20, 20)}`
    const other = `${numbered(100, 20)} ${common} ${numbered(120, 20)}`
    assert.equal((await judgeOf([item('x', other)]))(text).reason, null, common)
    const more = `${numbered(100, 19)} w18 w19 ${common} w20 ${numbered(121, 19)}`
    assert.equal((await judgeOf([item('x', more)]))(text).reason, '13-gram', common)
  }
})

test('an allowed 13-gram does not hide another one', async () => {
  const judge = await judgeOf([item('x', numbered(0, 14))], { allow: entriesFor([numbered(0, 13)], 'test') })
  assert.equal(judge(numbered(0, 14)).ngram, numbered(1, 13))
})

test('an allowed phrase of a few words is refused', () => {
  assert.throws(
    () => judgingOf({ allow: entriesFor(['the answer is'], 'test') }),
    /"the answer is" has fewer than 7 words/,
  )
})

test('a denied phrase and a denied item are contaminated however little is shared, an allowed item never', async () => {
  const text = `${numbered(0, 8)} ${numbered(700, 60)}`
  const items = [item('x', numbered(0, 60))]
  assert.equal((await judgeOf(items))(text).status, 'clean')
  const phrase = { deny: entriesFor([numbered(0, 7)], 'canary') }
  assert.equal((await judgeOf(items, phrase))(text).reason, 'denied')
  const denied = { deny: [{ benchmark: 'b', item: 'x', reason: 'secret' }] }
  assert.equal((await judgeOf(items, denied))(text).reason, 'denied')
  const allowed = { allow: [{ benchmark: 'b', item: 'x', reason: 'a proverb' }] }
  assert.equal((await judgeOf(items, allowed))(numbered(0, 60)).status, 'clean')
})

test('few 7-grams decide only where the whole item is found', async () => {
  const eight = await judgeOf([item('long', numbered(0, 40))])
  assert.equal(eight(numbered(3, 8)).status, 'clean', 'a text of eight words inside an item')
  const short = await judgeOf([item('short', numbered(0, 8))])
  assert.equal(
    short(`so ${numbered(0, 8)} indeed`).status,
    'contaminated',
    'an item of eight words inside a text',
  )
  assert.equal(short(`so ${numbered(0, 7)} indeed`).status, 'clean', 'seven of its eight words')
  const published = await judgeOf([item('long', numbered(0, 40))], { leastNgrams: 1 })
  assert.equal(published(numbered(3, 8)).status, 'contaminated', 'Algorithm 1 without the guard')
})

test('items under 13 words are found by equality with the whole text only', async () => {
  const judge = await judgeOf([item('short', 'Who wrote Hamlet?'), item('long', numbered(0, 13))])
  assert.deepEqual(
    [judge('who wrote  HAMLET').reason, judge('who wrote  HAMLET').pair?.item.itemId],
    ['short item', 'short'],
  )
  assert.equal(judge('So who wrote Hamlet?').status, 'clean')
  assert.equal(judge('').status, 'clean')
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
      decon_field: 'problem',
      decon_span_start: 0,
      decon_span_end: Buffer.byteLength(numbered(100, 9)),
    },
    {
      id: 'c',
      problem: 'something else',
      decon_status: 'clean',
      decon_benchmark: null,
      decon_item_id: null,
      decon_ratio7: 0,
      decon_ngram13: null,
      decon_field: null,
      decon_span_start: null,
      decon_span_end: null,
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

test('a reasoning trace is a text of its own, and the span is in the field', async () => {
  const file = await benchmark('traced.jsonl', [{ id: 1, problem: numbered(0, 16) }])
  const completion = `<think>é ${numbered(0, 9)} ${numbered(40, 7)}</think> fine, thanks`
  const { kept } = await run({ against: [{ file }] }, [{ id: 'a', problem: 'hello', completion }])
  const [row] = kept as { decon_field: string; decon_span_start: number; decon_span_end: number }[]
  assert.equal(row?.decon_field, 'completion')
  const cut = Buffer.from(completion).subarray(row.decon_span_start, row.decon_span_end)
  assert.equal(cut.toString(), numbered(0, 9))
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
