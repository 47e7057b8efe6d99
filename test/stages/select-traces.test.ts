import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scriptedModel } from '../../src/model/scripted.ts'
import { agreementOf } from '../../src/stages/traces/agreement.ts'
import { farApart } from '../../src/stages/traces/distinct-traces.ts'
import { plurality } from '../../src/stages/traces/plurality.ts'
import { rejectionSample } from '../../src/stages/traces/rejection-sample.ts'
import { selectTraces } from '../../src/stages/traces/select-traces.ts'
import { splitThought } from '../../src/stages/traces/thought.ts'
import { wilson } from '../../src/statistics/estimate.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'
import { runStage } from './run-stage.ts'

const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 60 }
const trace = (id: string, completion: string, verdict = 'equal', more: object = {}) => ({
  ...{ id, problem: 'What is 1 + 1?', completion, verdict },
  ...more,
})

test('thinking: one whole block before the solution, or a reason', () => {
  const parts = (prompt: string, completion: string) => {
    const { form, thinking, solution, reason } = splitThought(prompt, completion)
    return reason ?? [form, thinking, solution]
  }
  assert.deepEqual(parts('', 'just so'), ['none', null, 'just so'])
  assert.deepEqual(parts('', '\n<think>\nhm\n</think>\n\n2'), ['whole', 'hm', '2'])
  assert.deepEqual(parts('<|a|><think>\n', 'hm</think>2'), ['opened by the prompt', 'hm', '2'])
  assert.deepEqual(parts('', '<think></think>2'), ['whole', '', '2'])
  assert.equal(parts('', 'hm</think>2'), 'thinking ends and never began')
  assert.equal(parts('', '<think>hm'), 'thinking never ends')
  assert.equal(parts('<think>', 'hm'), 'thinking never ends')
  assert.equal(parts('<think>', '<think>hm</think>2'), 'thinking begins twice')
  assert.equal(parts('', '<think>a</think>b</think>c'), 'thinking ends twice')
  assert.equal(parts('', 'so <think>a</think>c'), 'text before the thinking')
  assert.equal(parts('', '<think>a</think> \n'), 'no solution behind the thinking')
})

test('a whole block is split without loss', () => {
  const part = fc.string().map((text) => text.replaceAll('<', '').trim())
  fc.assert(
    fc.property(part, part, fc.boolean(), (thinking, solution, opened) => {
      fc.pre(solution !== '')
      const body = `${thinking}\n</think>\n${solution}`
      const found = splitThought(opened ? '<think>\n' : 'p', opened ? body : `<think>${body}`)
      assert.deepEqual([found.thinking, found.solution, found.reason], [thinking, solution, null])
    }),
  )
})

test('policies: all correct, the shortest, ones far apart; the others are dropped with the reason', async () => {
  const rows = [
    trace('p', 'add one and one to get two'),
    trace('p', 'wrong', 'different'),
    trace('p', 'add one and one to get two now'),
    trace('p', 'count'),
    trace('q', 'only wrong', 'unparsed'),
    trace('r', 'x y z'),
  ]
  const keptBy = async (stage: ReturnType<typeof selectTraces>) =>
    (await runStage(stage, rows)).kept.map(({ completion }) => completion)
  assert.deepEqual(await keptBy(selectTraces({ keep: 'all' })), [
    rows[0]?.completion,
    rows[2]?.completion,
    'count',
    'x y z',
  ])
  assert.deepEqual(await keptBy(selectTraces({ keep: 'shortest' })), ['count', 'x y z'])
  const diverse = selectTraces({ keep: 'diverse', count: 2 })
  assert.deepEqual(await keptBy(diverse), ['add one and one to get two', 'count', 'x y z'])
  const { dropped } = await runStage(diverse, rows)
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.completion, reason]),
    [
      ['wrong', 'not correct'],
      ['add one and one to get two now', 'other traces were kept: diverse'],
      ['only wrong', 'not correct'],
    ],
  )
  assert.throws(() => selectTraces({ keep: 'shortest', count: 0 }), /count 0/)
})

test('the shortest trace is the one of fewest tokens where these are known', async () => {
  const rows = [
    trace('p', 'ab', 'equal', { completion_ids: [1, 2, 3] }),
    trace('p', 'abcdef', 'equal', { completion_ids: [1] }),
  ]
  const { kept } = await runStage(selectTraces({ keep: 'shortest' }), rows)
  assert.equal(kept[0]?.completion, 'abcdef')
})

test('texts far apart: the farthest from those chosen comes next, and no text twice', () => {
  assert.deepEqual(farApart(['a b c d', 'a b c e', 'x y z w'], 2, 2), [0, 2])
  assert.deepEqual(farApart([], 2, 2), [])
  const texts = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', ' '), maxLength: 12 }), { maxLength: 8 })
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 9 }), (all, count) => {
      const chosen = farApart(all, count, 2)
      assert.equal(new Set(chosen).size, Math.min(count, all.length))
      assert.equal(chosen.length, Math.min(count, all.length))
    }),
  )
})

test('answers are one where the verifier calls them equal; plurality with its interval and the entropy', async () => {
  const texts = ['#### 2', '#### 3', 'The answer is 2.0.', 'none', '\\boxed{4/2}', '#### x']
  const rows = texts.map((completion) => trace('p', completion))
  const { kept, counters } = await runStage(plurality({ verifier: numericAnswer, asAnswer: true }), rows)
  const { low, high } = wilson({ successes: 3, trials: 6 })
  const entropy = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25))
  assert.deepEqual(kept[0], {
    ...rows[0],
    plurality_answer: '2',
    plurality_share: 0.5,
    plurality_low: low,
    plurality_high: high,
    n_votes: 6,
    n_answers: 2,
    n_unparsed_votes: 2,
    answer_entropy: entropy,
    in_plurality: true,
    answer: '2',
  })
  assert.deepEqual(
    kept.map(({ in_plurality: member }) => member),
    [true, false, true, false, true, false],
  )
  assert.deepEqual(counters, { votes: 6, votes_unparsed: 2 })
  const majority = await runStage(selectTraces({ keep: 'majority', verifier: numericAnswer }), rows)
  assert.deepEqual(
    majority.kept.map(({ completion }) => completion),
    ['#### 2', 'The answer is 2.0.', '\\boxed{4/2}'],
  )
})

test('unanimous and incoherent problems are dropped with their agreement, and one nobody answers', async () => {
  const rows = [
    ...['#### 2', '#### 2', '#### 2'].map((text) => trace('easy', text)),
    ...['#### 1', '#### 2', '#### 3'].map((text) => trace('muddle', text)),
    ...['#### 1', '#### 2', '#### 2'].map((text) => trace('good', text)),
    ...['?', '!'].map((text) => trace('mute', text)),
  ]
  const stage = plurality({ verifier: numericAnswer, least: 0.5, most: 0.9 })
  const { kept, dropped } = await runStage(stage, rows)
  assert.deepEqual([...new Set(kept.map(({ id }) => id))], ['good'])
  assert.deepEqual(
    [...new Set(dropped.map(({ row, reason }) => `${String(row.id)}: ${reason}`))],
    [
      'easy: answers agree: plurality share over 0.9',
      'muddle: answers disagree: plurality share under 0.5',
      'mute: no sample has a readable answer',
    ],
  )
  assert.equal(dropped[0]?.row.plurality_share, 1)
})

test('of equal groups the one launched first is the plurality, and cut-off answers do not vote', async () => {
  const of = ['#### 5', '#### 4', '#### 4', '#### 5'].map((text) => ({ text, ended: true }))
  assert.equal((await agreementOf(of, numericAnswer, '')).answer, '5')
  const cut = of.map(({ text }, i) => ({ text, ended: i > 0 }))
  const { answer, votes, unparsed } = await agreementOf(cut, numericAnswer, '')
  assert.deepEqual([answer, votes, unparsed], ['4', { successes: 2, trials: 4 }, 1])
})

const problems = [
  { id: 'p', problem: 'What is 1 + 1?', answer: '2' },
  { id: 'q', problem: 'What is 2 + 2?', answer: '4' },
]

test('rejection sampling draws until enough are correct, keeps those launched first, and buys nothing twice', async () => {
  const script: Record<string, string[]> = {
    p: ['#### 3', 'a #### 2', 'b #### 2', 'c #### 2'],
    q: ['#### 1', '#### 2', '#### 3', '#### 5', '#### 6'],
  }
  const taken: Record<string, number> = { p: 0, q: 0 }
  const teacher = scriptedModel({
    complete: (prompt) => {
      const id = JSON.stringify(prompt).includes('1 + 1') ? 'p' : 'q'
      return script[id]?.[(taken[id] = (taken[id] as number) + 1) - 1] as string
    },
  })
  const stage = rejectionSample({ teacher, verifier: numericAnswer, wanted: 2, most: 5, ...sampler })
  const { kept, dropped, counters } = await runStage(stage, problems)
  assert.deepEqual(
    kept.map(({ trace_id: id, completion, n_drawn: n, n_drawn_correct: right }) => [
      id,
      completion,
      n,
      right,
    ]),
    [
      ['p-1', 'a #### 2', 4, 3],
      ['p-2', 'b #### 2', 4, 3],
    ],
  )
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.trace_id, reason]),
    [
      ['p-0', 'answer differs from the reference'],
      ['p-3', 'correct, and enough were launched before it'],
      ...[0, 1, 2, 3, 4].map((i) => [`q-${i}`, 'answer differs from the reference']),
    ],
  )
  assert.deepEqual(teacher.calls.map(({ options }) => options.n).sort(), [1, 2, 2, 2, 2])
  assert.equal(new Set(teacher.calls.map(({ options }) => options.seed)).size, 5)
  assert.equal(counters.traces_drawn, 9)
  assert.equal(counters.problems_without_correct_trace, 1)
})

test('a later and slower correct trace does not lose against a fast one of a later step', async () => {
  const teacher = scriptedModel({
    complete: async (_, i, { seed }) => {
      await new Promise((resolve) => setTimeout(resolve, i === 0 ? 20 : 0))
      return `${seed % 7} ${i} #### 2`
    },
  })
  const stage = rejectionSample({
    teacher,
    verifier: numericAnswer,
    wanted: 1,
    most: 4,
    batch: 3,
    ...sampler,
  })
  const { kept } = await runStage(stage, problems.slice(0, 1))
  assert.deepEqual(
    kept.map(({ trace_id: id }) => id),
    ['p-0'],
  )
})
