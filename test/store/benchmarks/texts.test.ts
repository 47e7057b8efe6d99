import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { FulcrumError } from '../../../src/errors.ts'
import { benchmarkIdentity, type BenchmarkChoice } from '../../../src/store/benchmarks/benchmarks.ts'
import { type BenchmarkSummary, benchmarkTexts } from '../../../src/store/benchmarks/texts.ts'

const folder = mkdtempSync(join(tmpdir(), 'fulcrum-items-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
function fileOf(...items: object[]): string {
  const path = join(folder, `items-${files++}.jsonl`)
  writeFileSync(path, items.map((item) => `${JSON.stringify(item)}\n`).join(''))
  return path
}

async function read(choice: BenchmarkChoice) {
  let summary: BenchmarkSummary | undefined
  const texts = []
  for await (const text of benchmarkTexts(choice, {
    cache: join(folder, 'none'),
    onSummary: (found) => (summary = found),
  })) {
    texts.push(text)
  }
  assert.ok(summary !== undefined)
  assert.equal(summary.texts, texts.length)
  return { texts, summary }
}

/** Field and text of every text of one item. */
const shapes = async (choice: BenchmarkChoice): Promise<string[]> =>
  (await read(choice)).texts.map(({ field, text }) => `${field}: ${text}`)

const refused = (choice: BenchmarkChoice, message: RegExp, hint: RegExp): Promise<void> =>
  assert.rejects(read(choice), (error: unknown) => {
    assert.ok(error instanceof FulcrumError, String(error))
    assert.match(error.message, message)
    assert.match(error.hint, hint)
    return true
  })

const cities = ['Rome', 'Paris', 'Bonn']
const whole = 'question+choices: Which one?\nA. Rome\nB. Paris\nC. Bonn'
const [choices, answer] = [cities.map((city) => `choice: ${city}`), 'answer: Paris']

test('choices and answers are read in every shape of the Hub, by the registry as by guess', async () => {
  const cases: [string, object][] = [
    [
      'arc-easy',
      { question: 'Which one?', choices: { text: cities, label: ['1', '2', '3'] }, answerKey: '2' },
    ],
    [
      'commonsense-qa',
      { question: 'Which one?', choices: { text: cities, label: ['A', 'B', 'C'] }, answerKey: 'B' },
    ],
    [
      'openbookqa',
      { question_stem: 'Which one?', choices: { text: cities, label: ['A', 'B', 'C'] }, answerKey: 'B' },
    ],
    ['mmlu', { question: 'Which one?', choices: cities, answer: 1 }],
    ['mmlu-pro', { question: 'Which one?', options: cities, answer: 'B', answer_index: 1 }],
    ['hellaswag', { ctx: 'Which one?', endings: cities, label: '1' }],
    [
      'medqa',
      {
        sent1: 'Which one?',
        sent2: '',
        ending0: 'Rome',
        ending1: 'Paris',
        ending2: 'Bonn',
        ending3: 'Oslo',
        label: 1,
      },
    ],
    ['winogrande', { sentence: 'Which one?', option1: 'Rome', option2: 'Paris', answer: '2' }],
    ['piqa', { goal: 'Which one?', sol1: 'Rome', sol2: 'Paris', label: 1 }],
    ['agieval', { query: 'Which one?', choices: ['(A)Rome', '(B)Paris', '(C)Bonn'], gold: [1] }],
  ]
  for (const [name, item] of cases) {
    const file = fileOf(item)
    for (const choice of [`${name}=${file}`, file]) {
      const found = await shapes(choice)
      if (name === 'medqa') assert.deepEqual(found.slice(-1), [answer])
      else if (name === 'winogrande' || name === 'piqa')
        assert.deepEqual(found, [
          'question: Which one?',
          whole.slice(0, whole.indexOf('\nC')),
          ...choices.slice(0, 2),
          answer,
        ])
      else assert.deepEqual(found, ['question: Which one?', whole, ...choices, answer], choice)
    }
  }
})

test('GPQA keeps spaces in its keys, DROP dots into a struct, AGIEval cuts its instruction off', async () => {
  const gpqa = {
    Question: 'Which one?',
    'Correct Answer': 'Paris',
    'Incorrect Answer 1': 'Rome',
    'Incorrect Answer 2': 'Bonn',
  }
  assert.deepEqual(
    await shapes(`gpqa=${fileOf({ ...gpqa, 'Incorrect Answer 3': 'Oslo', 'Record ID': 'r' })}`),
    [
      'question: Which one?',
      'question+choices: Which one?\nA. Paris\nB. Rome\nC. Bonn\nD. Oslo',
      ...['Paris', 'Rome', 'Bonn', 'Oslo'].map((city) => `choice: ${city}`),
      'answer: Paris',
    ],
  )
  const drop = { passage: 'A long story.', question: 'Who?', answer: { number: '', spans: ['Ann', 'Bob'] } }
  assert.deepEqual(await shapes(`drop=${fileOf(drop)}`), [
    'question: Who?',
    'answer: Ann',
    'answer: Bob',
    'answer: Ann\nBob',
    'context: A long story.',
  ])
  const query = 'Q: How many? Answer Choices: (A)1 (B)2\nA: Among A through B, the answer is'
  assert.deepEqual(
    (await shapes(`agieval=${fileOf({ query, choices: ['(A)1', '(B)2'], gold: [0] })}`)).slice(0, 2),
    ['question: Q: How many?', 'question+choices: Q: How many?\nA. 1\nB. 2'],
  )
})

test('turns and chats are a text each; what the assistant says is no question', async () => {
  assert.deepEqual(await shapes(fileOf({ turns: ['One?', 'Two?'] })), ['question: One?', 'question: Two?'])
  assert.deepEqual(await shapes(fileOf({ turns: [{ content: 'One?' }] })), ['question: One?'])
  const chat = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'One?' },
    { role: 'assistant', content: 'Yes.' },
  ]
  assert.deepEqual(await shapes(fileOf({ messages: chat })), ['question: One?'])
})

test('an answer after #### is taken apart, with and without calculator marks, and is no feature', async () => {
  const item = {
    question: 'How many clips are left?',
    answer: 'First there were 48/2 = <<48/2=24>>24 clips here.\n#### 24',
  }
  for (const choice of [fileOf(item), `gsm8k=${fileOf(item)}`]) {
    const { texts } = await read(choice)
    assert.deepEqual(
      texts.map(({ field, text, isFeature }) => [field, text, isFeature]),
      [
        ['question', item.question, true],
        ['answer', '24', false],
        ['solution', 'First there were 48/2 = <<48/2=24>>24 clips here.', true],
        ['solution', 'First there were 48/2 = 24 clips here.', true],
      ],
    )
  }
})

test('choices of fewer than 7 words are no features, longer ones and short questions are', async () => {
  const long = 'all of the six words and one'
  const { texts } = await read(fileOf({ question: 'Why?', choices: ['none of the above', long], answer: 1 }))
  assert.deepEqual(
    texts.map(({ field, isFeature }) => `${field} ${isFeature}`),
    ['question true', 'question+choices true', 'choice false', 'choice true', 'answer true'],
  )
})

test('repeated ids are made unique and counted, items without a word are counted and named', async () => {
  const items = [
    { id: 'a', question: 'One?' },
    { id: 'a', question: 'Two?' },
    { id: 'a#2', question: 'Three?' },
    { id: 'e', question: ' -- ' },
    { question: 'Four?', choices: ['x', 'y'], answer: 7 },
  ]
  const { texts, summary } = await read(fileOf(...items))
  const questions = texts.filter(({ field }) => field === 'question')
  assert.deepEqual(
    questions.map(({ itemId }) => itemId),
    ['a', 'a#2', 'a#2#2', '5'],
  )
  assert.deepEqual(summary, {
    benchmark: 'items-' + String(files - 1),
    items: 5,
    texts: texts.length,
    empty: ['e'],
    repeatedIds: 2,
    unresolvedAnswers: 1,
  })
})

test('an empty file, one without texts, a broken line and a missing file are refused', async () => {
  await refused(fileOf(), /has no items/, /protects nothing/)
  await refused(fileOf({ other: 1 }), /has 1 items and no text in problem, question/, /fields/)
  const broken = fileOf({ question: 'One?' })
  writeFileSync(broken, '{"question":"One?"}\n{"question":\n')
  await refused(broken, /:2 is no benchmark item/, /Mend the line/)
  await refused(join(folder, 'none.jsonl'), /There is no benchmark file/, /Check the path/)
  await refused('no-such', /no benchmark and no file no-such/, /Name one of agieval, .*NAME=PATH/)
  await refused('gsm8k', /GSM8K is not in the cache/, /fulcrum benchmarks fetch gsm8k/)
  await refused('gpqa', /GPQA is not in the cache/, /with HF_TOKEN set/)
  await refused('phibench', /never published/, /phibench=PATH/)
  await refused({ file: broken, fields: [] }, /name no question/, /fields: \["question"\]/)
})

test('fields may be named: questions as a list, or columns by what they are', async () => {
  const file = fileOf({ a: { b: 'One?' }, c: ['x', 'y'], 'd.e': 'deep', right: 'B', n: 9 })
  assert.deepEqual(await shapes({ file, fields: ['a.b', 'd.e'] }), ['question: One?', 'question: deep'])
  const columns = {
    id: ['n'],
    question: ['a.b'],
    choices: ['c'],
    answer: [{ path: 'right', is: 'letter' as const }],
  }
  const { texts } = await read({ name: 'mine', file, fields: columns })
  assert.deepEqual(
    texts.map(({ benchmark, itemId, field, text }) => [benchmark, itemId, field, text].join(' ')).slice(-1),
    ['mine 9 answer y'],
  )
})

test('gzip and Parquet with nested columns are read as JSONL is', async () => {
  const item = {
    id: 'q1',
    question: 'Which one?',
    choices: { text: cities, label: ['A', 'B', 'C'] },
    answerKey: 'B',
  }
  const plain = fileOf(item)
  const gz = join(folder, 'arc.jsonl.gz')
  writeFileSync(gz, gzipSync(JSON.stringify(item)))
  const parquet = join(folder, 'arc.parquet')
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(`COPY (SELECT * FROM read_json('${plain}')) TO '${parquet}' (FORMAT parquet)`)
  connection.closeSync()
  const wanted = await shapes(plain)
  assert.equal(wanted.length, 6)
  assert.deepEqual(await shapes(gz), wanted)
  assert.deepEqual(await shapes(parquet), wanted)
  assert.deepEqual(await shapes(`arc-easy=${parquet}`), wanted)
})

test('the identity of a benchmark changes with its bytes and its columns', () => {
  const file = fileOf({ question: 'One?' })
  const before = benchmarkIdentity(file)
  assert.deepEqual(before, benchmarkIdentity({ file }))
  assert.notDeepEqual(benchmarkIdentity({ file, fields: ['question'] }).columns, before.columns)
  writeFileSync(file, '{"question":"Two?"}\n')
  assert.notDeepEqual(benchmarkIdentity(file).sha256, before.sha256)
  assert.throws(() => benchmarkIdentity('gsm8k', { cache: join(folder, 'none') }), /not in the cache/)
})
