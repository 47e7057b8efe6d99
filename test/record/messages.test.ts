import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dpoBranch } from '../../src/record/dpo-branch.ts'
import { dpoFull } from '../../src/record/dpo-full.ts'
import { grpo } from '../../src/record/grpo.ts'
import { rlvrTulu } from '../../src/record/rlvr-tulu.ts'
import { type ChatTemplate, lossOf } from '../../src/record/round-trip.ts'
import { sft } from '../../src/record/sft.ts'
import { survivesTemplate } from '../../src/stages/survives-template.ts'
import { runStage } from '../stages/run-stage.ts'
import { checked } from './checked.ts'
import { templates, tokenizerWith } from './templates.ts'

const thought = '<think>\n3 and 4 are 7\n</think>\n\nThe answer is 7.'
const trace = {
  id: 'q1',
  problem: 'What is 3 + 4?',
  answer: '7',
  trace_id: 'q1-0',
  completion: thought,
  teacher_model: 'teacher',
}
const user = { role: 'user', content: trace.problem }
const assistant = (content: string) => ({ role: 'assistant', content })

const rowsOf = async (template: string, row: object): Promise<Record<string, unknown>[]> => {
  const shape = sft({ template: await tokenizerWith(template) })
  return [...shape.rows({ ...trace, ...row })]
}

test('sft: the conversation as the page has it, nothing named prompt or conversations', async () => {
  const [row] = await rowsOf(templates.plain, { system: 'Be brief.', pass_rate: 0.5 })
  const shape = sft({ template: await tokenizerWith(templates.plain) })
  checked(row ?? {}, shape.columns)
  assert.deepEqual(Object.keys(shape.columns), [
    'messages',
    'problem',
    'answer',
    'question_id',
    'trace_id',
    'pass_rate',
    'source',
    'teacher_model',
    'finish_reason',
  ])
  assert.deepEqual(row?.messages, [{ role: 'system', content: 'Be brief.' }, user, assistant(thought)])
  assert.deepEqual([row.pass_rate, row.source], [0.5, null])
})

test('sft: a template that takes the reasoning out, trims or refuses is refused with what to do', async () => {
  const refused: [keyof typeof templates, object, RegExp][] = [
    ['strips', {}, /takes the <think> block out \(assistant\)/],
    ['trims', { completion: 'The answer is 7.\n' }, /trims the white space/],
    ['refusesSystem', { system: 'Be brief.' }, /refuses it: .*System role not supported/],
    ['plain', { completion: '' }, /a turn of assistant is empty/],
    ['plain', { messages: [user] }, /does not end in an answer/],
    ['plain', { messages: [user, user] }, /turn 2 is user, not assistant/],
  ]
  for (const [name, row, message] of refused) {
    await assert.rejects(
      rowsOf(templates[name], row),
      { code: 'data', message, hint: /Write sft_text/ },
      name,
    )
  }
  for (const name of ['plain', 'keepsLast', 'trims', 'refusesSystem'] as const) {
    assert.equal((await rowsOf(templates[name], {})).length, 1, name)
  }
})

test('sft: an earlier turn whose reasoning the template takes out is refused, one without reasoning is not', async () => {
  const later = [{ role: 'user', content: 'And doubled?' }, assistant('14')]
  await assert.rejects(
    rowsOf(templates.keepsLast, { messages: [user, assistant(thought), ...later] }),
    /<think>/,
  )
  const [row] = await rowsOf(templates.keepsLast, { messages: [user, assistant('7'), ...later] })
  assert.equal((row?.messages as unknown[]).length, 4)
})

test('a config of messages without a template to check with is refused before anything is spent', () => {
  assert.throws(() => sft({ template: null }), { code: 'plan', hint: /sft_text/ })
  assert.throws(() => dpoFull({ template: null }), { code: 'plan' })
})

test('an answer is looked for after the turns before it, so that a copy in the question does not stand for it', () => {
  const template: ChatTemplate = {
    chatTemplateSha256: null,
    renderChat: (messages) => messages.map(({ content, role }) => (role === 'user' ? content : '')).join(''),
  }
  assert.match(
    lossOf(template, [{ role: 'user', content: 'Say 7' }, assistant('7')]) ?? '',
    /changes the text/,
  )
})

test('survivesTemplate drops what sft would refuse, counted by reason', async () => {
  const template = await tokenizerWith(templates.strips)
  const { kept, dropped } = await runStage(survivesTemplate({ template }), [
    trace,
    { ...trace, completion: 'The answer is 7.' },
  ])
  assert.deepEqual(
    [kept.length, dropped.map(({ reason }) => reason)],
    [1, ['the chat template takes the <think> block out (assistant)']],
  )
  assert.equal([...sft({ template }).rows(kept[0] as never)].length, 1)
})

test('dpo_full: whole conversations, no prompt; a pair with equal sides or a lossy one is refused', async () => {
  const template = await tokenizerWith(templates.plain)
  const shape = dpoFull({ template })
  const pair = { id: 'q1', problem: trace.problem, chosen_completion: thought, rejected_completion: '8' }
  const [row] = [...shape.rows(pair)]
  checked(row ?? {}, shape.columns)
  assert.ok(!('prompt' in shape.columns))
  assert.deepEqual([row?.chosen, row?.rejected], [
    [user, assistant(thought)],
    [user, assistant('8')],
  ]) // prettier-ignore
  assert.throws(() => [...shape.rows({ ...pair, rejected_completion: thought })], /the same answer/)
  const lossy = dpoFull({ template: await tokenizerWith(templates.strips) })
  assert.throws(() => [...lossy.rows(pair)], /takes the <think> block out/)
})

test('grpo: prompt ends in user, gold is LaTeX, verl has its columns, TRL none of its own names', () => {
  const shape = grpo()
  const rows = ['7', '$\\frac{1}{2}$'].flatMap((answer) => [...shape.rows({ ...trace, answer })])
  for (const row of rows) checked(row, shape.columns)
  const [row] = rows
  assert.deepEqual(row?.prompt, [user])
  assert.deepEqual(rows.map(({ solution }) => solution), ['$7$', '$\\frac{1}{2}$']) // prettier-ignore
  assert.deepEqual(row.reward_model, { style: 'rule', ground_truth: '7' })
  // printf %s q1 | sha256sum
  assert.deepEqual(row.extra_info, { index: 0xc75de8c1b7c3n, split: 'train' })
  assert.deepEqual([row.data_source, row.ability, row.verification_info], ['fulcrum', 'math', null])
  for (const name of [
    'prompts',
    'completions',
    'completion_ids',
    'trainer_state',
    'tools',
    'image',
    'images',
  ]) {
    assert.ok(!(name in shape.columns), name)
  }
})

test('grpo: tests of a programming problem in the form of open-r1, none where it cannot hold them', () => {
  const suites = [
    { language: 'python', tests: [{ stdin: '1 2\n', stdout: '3\n' }] },
    { language: 'javascript', entry_point: 'add', tests: [{ args: [1, 2], expected: 3 }] },
    { language: 'python', entry_point: 'add', tests: [{ args: [1], raises: 'TypeError' }] },
    { language: 'python', tests: [{ assert: 'add(1, 2) == 3' }] },
  ]
  const shape = grpo({ ability: 'code', dataSource: 'mine' })
  const rows = [...suites.map((suite) => JSON.stringify(suite)), 'no JSON'].flatMap((answer) => [
    ...shape.rows({ ...trace, answer }),
  ])
  for (const row of rows) checked(row, shape.columns)
  assert.deepEqual(
    rows.map(({ verification_info: info }) => info),
    [
      {
        language: 'python',
        test_cases: [{ fn_name: null, input: '1 2\n', output: '3\n', type: 'stdin_stdout' }],
      },
      {
        language: 'javascript',
        test_cases: [{ fn_name: 'add', input: '[1,2]', output: '3', type: 'function_call' }],
      },
      null,
      null,
      null,
    ],
  )
  assert.deepEqual([rows[0]?.solution, rows[0]?.data_source], [JSON.stringify(suites[0]), 'mine'])
})

test('dpo_branch: both answers whole as messages, with the turns apart for LLaMA-Factory', async () => {
  const template = await tokenizerWith(templates.plain)
  const numbers = { prob_chosen: 0.9, prob_chosen_low: 0.8, prob_chosen_high: 0.95, n_chosen: 64 }
  const others = { prob_rejected: 0.1, prob_rejected_low: 0.05, prob_rejected_high: 0.2, n_rejected: 64 }
  const pair = {
    ...{ id: 'q1', problem: trace.problem, trace_id: 'q1-0', model_id: 'm', ...numbers, ...others },
    ...{ trace_tokens: ['It ', 'is ', '7', '<|end|>'], position: 2 },
    ...{ chosen_branch: '7<|end|>', rejected_branch: '8, I think<|end|>' },
  }
  const shape = dpoBranch({ template })
  const [row] = [...shape.rows(pair)]
  checked(row ?? {}, shape.columns)
  assert.deepEqual(
    [row?.prompt, row?.chosen, row?.rejected],
    [[user], [assistant('It is 7')], [assistant('It is 8, I think')]],
  )
  assert.deepEqual([row?.chosen_message, row?.rejected_message], [row?.chosen[0], row?.rejected[0]])
  assert.deepEqual([...shape.rows({ ...pair, chosen_branch: null })], [])
  for (const side of ['7', '<|end|>']) {
    assert.throws(() => [...shape.rows({ ...pair, chosen_branch: side })], /does not end in the end token/)
  }
})

test('thinking that the prompt has opened is opened by the message', async () => {
  for (const completion of ['3 and 4 are 7\n</think>\n\n7', '\n3 and 4 are 7\n</think>\n\n7']) {
    const [row] = await rowsOf(templates.plain, { completion })
    const messages = row?.messages as { content: string }[]
    assert.equal(messages[1]?.content, '<think>\n3 and 4 are 7\n</think>\n\n7')
  }
})

test('rlvr_tulu: messages, ground truth and the verifier of open-instruct', () => {
  const [row] = [...rlvrTulu({ dataset: 'gsm8k' }).rows(trace)]
  assert.deepEqual(row, { messages: [user], ground_truth: '7', dataset: 'gsm8k', question_id: 'q1' })
})
