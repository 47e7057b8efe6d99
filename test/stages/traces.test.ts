import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { generateTraces, promptFor } from '../../src/stages/generate-traces.ts'
import { verifyTraces } from '../../src/stages/verify-traces.ts'
import { seedFor } from '../../src/statistics/random.ts'
import type { Message } from '../../src/model/model.ts'
import { numericAnswer, type Verifier } from '../../src/verify/verifier.ts'
import { tokenizer } from '../model/http-setup.ts'
import { runStage } from './run-stage.ts'

const sampler = { temperature: 0.8, topP: 0.95, topK: 50, maxTokens: 60 }
const rows = [
  { id: 'p1', problem: 'What is 1 + 1?', answer: '2' },
  { id: 'p2', problem: 'What is 2 + 2?', answer: '4' },
]

test('a teacher with a tokenizer is asked in exact ids of the template, rendered once', async () => {
  const teacher = scriptedModel({ id: 't', tokenizer, complete: (_, i) => `try ${i} #### 2` })
  const stage = generateTraces({ teacher, samples: 2, system: 'Be brief.', ...sampler })
  const { kept } = await runStage(stage, rows, 9)
  const text = '<|system|>Be brief.<|user|>What is 1 + 1?<|assistant|>'
  assert.deepEqual(kept[1], {
    ...rows[0],
    trace_id: 'p1-1',
    prompt: text,
    prompt_ids: tokenizer.encode(text),
    completion: 'try 1 #### 2',
    completion_ids: [...tokenizer.encode('try 1 #### 2'), tokenizer.eos.id],
    finish_reason: 'stop',
    thinking: null,
    solution: 'try 1 #### 2',
    think_form: 'none',
    end_token: '<|end|>',
    added_bos: null,
    teacher_model: 't',
    teacher_tokenizer_sha256: tokenizer.sha256,
    teacher_template_sha256: tokenizer.chatTemplateSha256,
  })
  assert.deepEqual(
    kept.map(({ trace_id: id }) => id),
    ['p1-0', 'p1-1', 'p2-0', 'p2-1'],
  )
  const [call] = teacher.calls
  assert.ok(call !== undefined)
  assert.deepEqual(call.prompt, { kind: 'tokens', ids: tokenizer.encode(text) })
  const { signal, ...options } = call.options
  assert.deepEqual(options, { n: 2, ...sampler, seed: seedFor(9, 'generateTraces', 'p1') })
  assert.ok(signal instanceof AbortSignal)
})

test('a teacher without a tokenizer is asked in chat, and has no ids', async () => {
  const teacher = scriptedModel({ complete: () => '#### 2' })
  const { kept } = await runStage(generateTraces({ teacher, samples: 1, ...sampler }), rows)
  assert.deepEqual(teacher.calls[0]?.prompt, {
    kind: 'chat',
    messages: [{ role: 'user', content: 'What is 1 + 1?' }],
  })
  assert.deepEqual(
    [kept[0]?.prompt, kept[0]?.prompt_ids, kept[0]?.completion_ids],
    ['What is 1 + 1?', null, null],
  )
})

test('truncated and repeated traces are kept aside with their reason', async () => {
  const teacher = scriptedModel({
    complete: [
      'a',
      { text: 'a', finishReason: 'length' },
      'a',
      'b',
      'a',
      'c',
      'c',
      { text: 'd', finishReason: 'length' },
    ],
  })
  const { kept, dropped } = await runStage(
    generateTraces({ teacher, samples: 4, concurrency: 1, ...sampler }),
    rows,
  )
  assert.deepEqual(
    kept.map(({ trace_id: id, completion }) => [id, completion]),
    [
      ['p1-0', 'a'],
      ['p1-3', 'b'],
      ['p2-0', 'a'],
      ['p2-1', 'c'],
    ],
  )
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.trace_id, reason]),
    [
      ['p1-1', 'trace truncated at the token limit'],
      ['p1-2', 'same trace as another sample'],
      ['p2-2', 'same trace as another sample'],
      ['p2-3', 'trace truncated at the token limit'],
    ],
  )
})

test('a trace equal to a truncated one is no repeat', async () => {
  const teacher = scriptedModel({ complete: [{ text: 'a', finishReason: 'length' }, 'a'] })
  const { kept } = await runStage(generateTraces({ teacher, samples: 2, ...sampler }), rows.slice(0, 1))
  assert.deepEqual(
    kept.map(({ trace_id: id }) => id),
    ['p1-1'],
  )
})

test('rows and what is dropped keep their order whichever answer comes first', async () => {
  const many = Array.from({ length: 12 }, (_, i) => ({ id: `p${i}`, problem: `${i}`, answer: '0' }))
  const teacher = scriptedModel({
    complete: async ({ ...prompt }, i) => {
      const problem = prompt.kind === 'chat' ? Number(prompt.messages[0]?.content) : 0
      await new Promise((resolve) => setTimeout(resolve, (12 - problem) * 2))
      return { text: `${problem}`, finishReason: i === 0 ? ('length' as const) : ('stop' as const) }
    },
  })
  const { kept, dropped } = await runStage(
    generateTraces({ teacher, samples: 2, concurrency: 6, ...sampler }),
    many,
  )
  assert.deepEqual(
    kept.map(({ id }) => id),
    many.map(({ id }) => id),
  )
  assert.deepEqual(
    dropped.map(({ row }) => row.id),
    many.map(({ id }) => id),
  )
})

test('tokens are counted, and the plan knows the calls', async () => {
  const teacher = scriptedModel({ tokenizer, complete: () => 'abc' })
  const stage = generateTraces({ teacher, samples: 3, ...sampler })
  assert.equal(stage.callsPerRow, 3)
  assert.deepEqual(stage.models, [teacher])
  assert.equal((await runStage(stage, rows)).counters.teacher_tokens, 2 * 3 * 4)
})

test('a number of samples that is none is refused', () => {
  const teacher = scriptedModel({ complete: [] })
  for (const samples of [0, -1, 1.5, Number.NaN]) {
    assert.throws(() => generateTraces({ teacher, samples, ...sampler }), new RegExp(`samples ${samples}`))
  }
  assert.throws(() => generateTraces({ teacher, samples: 1, ...sampler, temperature: -1 }), /temperature -1/)
  assert.throws(() => generateTraces({ teacher, samples: 1, ...sampler, topP: 0 }), /topP 0/)
  assert.throws(() => generateTraces({ teacher, samples: 1, ...sampler, topK: -1 }), /topK -1/)
  assert.throws(() => generateTraces({ teacher, samples: 1, ...sampler, maxTokens: 0 }), /maxTokens 0/)
})

test('template, answer format and an opening are part of the prompt; a problem is never a pattern', async () => {
  const teacher = scriptedModel({ tokenizer, complete: () => 'so.</think>#### 2' })
  const stage = generateTraces({
    ...{ teacher, samples: 1, ...sampler, opening: '<think>' },
    ...{ template: 'Solve: {problem}', answerFormat: 'End with #### and the number.' },
  })
  const { kept } = await runStage(stage, [{ ...rows[0], problem: "$& and $' {problem}" }])
  const user = "Solve: $& and $' {problem}\n\nEnd with #### and the number."
  assert.equal(kept[0]?.prompt, `<|user|>${user}<|assistant|><think>`)
  assert.deepEqual(
    [kept[0].thinking, kept[0].solution, kept[0].think_form],
    ['so.', '#### 2', 'opened by the prompt'],
  )
})

test('what a teacher cannot be asked is refused before anything is spent', () => {
  const chat = scriptedModel({ complete: [] })
  const of = { teacher: chat, samples: 1, ...sampler }
  assert.throws(() => generateTraces({ ...of, template: 'Solve it' }), /a template without \{problem\}/)
  assert.throws(() => generateTraces({ ...of, opening: '<think>' }), /an opening where its server renders/)
  assert.throws(() => generateTraces({ ...of, variables: { enable_thinking: true } }), /variables of a chat/)
  assert.throws(() => generateTraces({ ...of, solutionTokens: { most: 9 } }), /Nothing counts the tokens/)
  generateTraces({ ...of, solutionTokens: { most: 9 }, countWith: tokenizer })
})

test('broken thinking, missing thinking and solutions of the wrong length are dropped, each with its reason', async () => {
  const texts = [
    '<think>a</think> yes yes',
    '<think>a',
    'plain',
    '<think>a</think>y',
    `<think>a</think>${'y'.repeat(30)}`,
  ]
  const teacher = scriptedModel({ tokenizer, complete: (_, i) => texts[i] as string })
  const of = { teacher, samples: texts.length, ...sampler, solutionTokens: { least: 2, most: 12 } }
  const run = async (more: object) => runStage(generateTraces({ ...of, ...more }), rows.slice(0, 1))
  const strict = await run({ requireThought: true })
  assert.deepEqual(
    strict.kept.map(({ thinking, solution }) => [thinking, solution]),
    [['a', 'yes yes']],
  )
  assert.deepEqual(
    strict.dropped.map(({ reason }) => reason),
    [
      'thinking is broken: thinking never ends',
      'no thinking',
      'solution under 2 tokens',
      'solution over 12 tokens',
    ],
  )
  const lenient = await run({ brokenThought: 'keep' })
  assert.deepEqual(
    lenient.kept.map(({ think_form: form, thinking }) => [form, thinking]),
    [
      ['whole', 'a'],
      ['broken', null],
      ['none', null],
    ],
  )
})

test('truncated traces go on as such where they are wanted: no end token, and never verified as correct', async () => {
  const teacher = scriptedModel({
    complete: [{ text: 'the answer is 2. But', finishReason: 'length' }, 'The answer is 2.'],
  })
  const of = { teacher, samples: 2, ...sampler, truncated: 'keep' } as const
  const { kept } = await runStage(generateTraces(of), rows.slice(0, 1))
  assert.deepEqual(
    kept.map(({ finish_reason: reason, end_token: end }) => [reason, end]),
    [
      ['length', null],
      ['stop', null],
    ],
  )
  const verified = await runStage(verifyTraces({ verifier: numericAnswer }), kept)
  assert.equal(verified.kept.length, 1)
  assert.equal(verified.dropped[0]?.reason, 'answer not readable: the trace is cut off')
})

test('a chat becomes exact ids where the engine takes them, and stays a chat elsewhere', () => {
  const messages = [{ role: 'user', content: 'Hi' }] as const
  const exact = promptFor(scriptedModel({ tokenizer, complete: [] }), messages)
  assert.deepEqual(exact.ids, tokenizer.encode('<|user|>Hi<|assistant|>'))
  const hosted = promptFor(scriptedModel({ complete: [] }), messages)
  assert.deepEqual([hosted.prompt, hosted.ids], [{ kind: 'chat', messages }, null])
})

test('variables reach the chat template', async () => {
  const told: unknown[] = []
  const renderChat = (messages: readonly Message[], variables?: object): string => {
    told.push(variables)
    return tokenizer.renderChat(messages)
  }
  const teacher = scriptedModel({ tokenizer: { ...tokenizer, renderChat }, complete: () => 'a' })
  const variables = { enable_thinking: false }
  await runStage(generateTraces({ teacher, samples: 1, ...sampler, variables }), rows.slice(0, 1))
  assert.deepEqual(told, [variables])
})

const answers = ['#### 2', '#### 3', 'two', 'The answer is 2.0.', '\\boxed{x}'].map((completion, i) => ({
  id: `${i}`,
  problem: 'What is 1 + 1?',
  completion,
  answer: '2',
}))

test('traces with the reference answer go on; wrong and unreadable ones are dropped apart', async () => {
  const { kept, dropped, counters } = await runStage(verifyTraces({ verifier: numericAnswer }), answers)
  assert.deepEqual(
    kept.map(({ id, extracted_answer: answer, verifier_id: by }) => [id, answer, by]),
    [
      ['0', '2', 'numeric/1'],
      ['3', '2.0', 'numeric/1'],
    ],
  )
  assert.deepEqual(
    dropped.map(({ row, reason }) => [row.id, reason]),
    [
      ['1', 'answer differs from the reference'],
      ['2', 'answer not readable: no answer is marked'],
      ['4', 'answer not readable: the stated answer is not a number'],
    ],
  )
  assert.deepEqual(counters, {
    'traces_unparsed: no answer is marked': 1,
    'traces_unparsed: the stated answer is not a number': 1,
  })
})

test('with keep, traces of other verdicts go on with verdict and reason; a slow verifier keeps the order', async () => {
  const slow: Verifier = {
    id: 'slow/1',
    verify: async (completion, answer) => {
      await new Promise((resolve) => setTimeout(resolve, 12 - 2 * (completion.length % 6)))
      return numericAnswer.verify(completion, answer)
    },
  }
  const { kept, dropped } = await runStage(
    verifyTraces({ verifier: slow, keep: ['equal', 'different'] }),
    answers,
  )
  assert.deepEqual(
    kept.map(({ id, verdict, extracted_answer: answer }) => [id, verdict, answer]),
    [
      ['0', 'equal', '2'],
      ['1', 'different', '3'],
      ['3', 'equal', '2.0'],
    ],
  )
  assert.deepEqual(
    dropped.map(({ row }) => row.id),
    ['2', '4'],
  )
})
