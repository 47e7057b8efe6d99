import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { generateTraces } from '../../src/stages/generate-traces.ts'
import { verifyTraces } from '../../src/stages/verify-traces.ts'
import { seedFor } from '../../src/statistics/random.ts'
import { numericAnswer } from '../../src/verify/verifier.ts'
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

test('traces with the reference answer go on; wrong and unreadable ones are dropped apart', async () => {
  const traces = ['#### 2', '#### 3', 'two', 'The answer is 2.0.', '\\boxed{x}'].map((completion, i) => ({
    id: `${i}`,
    completion,
    answer: '2',
  }))
  const { kept, dropped } = await runStage(verifyTraces({ verifier: numericAnswer }), traces)
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
})
