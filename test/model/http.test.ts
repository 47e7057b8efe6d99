import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpModel } from '../../src/model/http.ts'
import type { SampleOptions } from '../../src/model/model.ts'
import type { ServerScript } from '../fixtures/openai-server.ts'
import {
  connect,
  isModelError,
  open,
  options,
  policy,
  prompt,
  question,
  serve,
  tokenizer,
  vllm,
} from './http-setup.ts'

test('a vLLM-like server is found to take and give token ids, with log-probabilities and scores', async () => {
  const model = await connect(await serve(vllm))
  assert.deepEqual(model.capabilities, {
    tokenIdsIn: true,
    tokenIdsOut: true,
    samplerLogprobs: true,
    score: true,
    bannedFirst: false,
    seeds: true,
  })
  assert.equal(model.id, 'http:policy')
})

test('completions come in launch order with exact ids, end token and log-probabilities', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const { ids } = prompt(tokenizer)
  const completions = await model.sample({ kind: 'tokens', ids }, { ...options, n: 8 })
  assert.equal(completions.length, 8)
  for (const [i, completion] of completions.entries()) {
    const own = policy.generate(ids, { ...options, seed: options.seed + i })
    assert.deepEqual(completion.tokenIds, own.tokenIds)
    assert.deepEqual(completion.logprobs, own.logprobs)
    assert.equal(completion.tokenIds.at(-1), tokenizer.eos.id)
    assert.equal(completion.finishReason, 'stop')
    assert.match(completion.text, /^3 \* 4 = \d\d\n12 \+ 8 = \d\d\n#### \d0$/)
    assert.equal(completion.completionTokens, own.tokenIds.length)
    assert.equal(completion.promptTokens, ids.length)
  }
  assert.ok(new Set(completions.map(({ text }) => text)).size > 1, 'eight draws with one outcome')
  assert.deepEqual(server.requests.at(-1)?.body.prompt, ids)
})

test('every field of the sampler is written out', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  await model.sample(prompt(tokenizer), { ...options, temperature: 0.8, topP: 0.95, topK: 50, maxTokens: 33 })
  const body = { ...server.requests.at(-1)?.body }
  delete body.prompt
  assert.deepEqual(body, {
    model: 'policy',
    n: 4,
    temperature: 0.8,
    top_p: 0.95,
    max_tokens: 33,
    seed: 11,
    presence_penalty: 0,
    frequency_penalty: 0,
    logprobs: 1,
    echo: false,
    stream: false,
    top_k: 50,
    min_p: 0,
    repetition_penalty: 1,
    min_tokens: 0,
    ignore_eos: false,
    stop_token_ids: [tokenizer.eos.id],
    return_token_ids: true,
    return_tokens_as_token_ids: true,
    add_special_tokens: false,
    skip_special_tokens: false,
    spaces_between_special_tokens: false,
  })
})

test('log-probabilities before temperature are not passed off as those of the sampler', async () => {
  const model = await connect(await serve(vllm))
  const logprobs = async (over: Partial<SampleOptions>) => {
    const [first] = await model.sample(prompt(tokenizer), { ...options, ...over })
    return first?.logprobs
  }
  assert.equal(await logprobs({ temperature: 0.7 }), null)
  assert.equal(await logprobs({ topP: 0.9 }), null)
  assert.equal(await logprobs({ topK: 5 }), null)
  assert.ok((await logprobs({ temperature: 0 }))?.every((value) => value === 0))
  const ids = [...prompt(tokenizer).ids, ...tokenizer.encode('3 * 4 = 12')]
  await assert.rejects(
    model.score(ids, { temperature: 0.7, topP: 1, topK: 0, from: 11 }),
    isModelError(/cannot give the sampler's log-probabilities at temperature 0.7/, /temperature 1/),
  )
})

test('a greedy answer is asked for once and given n times', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const before = server.requests.length
  const completions = await model.sample(prompt(tokenizer), { ...options, temperature: 0, n: 3 })
  assert.equal(completions.length, 3)
  assert.equal(server.requests.length, before + 1)
  assert.equal(server.requests.at(-1)?.body.n, 1)
})

test('given tokens are scored as they were drawn', async () => {
  const model = await connect(await serve(vllm))
  const { ids } = prompt(tokenizer)
  const [drawn] = await model.sample({ kind: 'tokens', ids }, options)
  const scores = await model.score([...ids, ...(drawn?.tokenIds ?? [])], { ...options, from: ids.length })
  assert.deepEqual(
    scores.map(({ logprob }) => logprob),
    drawn?.logprobs,
  )
})

test('a completion that hits the limit is not finished, and has no end token', async () => {
  const model = await connect(await serve(vllm))
  const [cut] = await model.sample(prompt(tokenizer), { ...options, maxTokens: 5 })
  assert.deepEqual([cut?.finishReason, cut?.tokenIds?.length, cut?.text], ['length', 5, '3 * 4'])
})

test('a stop without its end token is given one, and loses its log-probabilities', async () => {
  const bare: ServerScript = {
    ...vllm,
    complete: (asked) => {
      const { tokenIds, logprobs, finishReason } = policy.generate(asked.ids ?? [], asked)
      return finishReason === 'length'
        ? { tokenIds, logprobs, finishReason }
        : { tokenIds: tokenIds.slice(0, -1), logprobs: logprobs.slice(0, -1) }
    },
  }
  const model = await connect(await serve(bare))
  const [first] = await model.sample(prompt(tokenizer), options)
  assert.equal(first?.tokenIds?.at(-1), tokenizer.eos.id)
  assert.equal(first.logprobs, null)
})

test('prompts as text and as chat reach a server with a tokenizer as ids', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const messages = [{ role: 'user', content: question }] as const
  await model.sample({ kind: 'chat', messages }, options)
  assert.deepEqual(server.requests.at(-1)?.body.prompt, prompt(tokenizer).ids)
  await model.sample({ kind: 'text', text: tokenizer.renderChat(messages) }, options)
  assert.deepEqual(server.requests.at(-1)?.body.prompt, prompt(tokenizer).ids)
})

test('more completions than a request may ask for are parts of one sequence of seeds', async () => {
  const server = await serve({
    models: ['policy'],
    complete: ({ seed }) => ({ text: String(seed) }),
    style: 'plain',
  })
  const model = await httpModel({ baseUrl: server.url, model: 'policy', dialect: 'vllm' })
  open.push(model)
  const completions = await model.sample({ kind: 'text', text: 'x' }, { ...options, n: 300, seed: 1000 })
  assert.deepEqual(
    completions.map(({ text }) => Number(text)),
    Array.from({ length: 300 }, (_, i) => 1000 + i),
  )
})

test('a server that gives one completion whatever n says is asked n times, with the seeds it would have used', async () => {
  const one: ServerScript = {
    ...vllm,
    spoil: (reply) => ({ ...reply, choices: (reply.choices as unknown[]).slice(-1) }),
  }
  const server = await serve(one)
  const model = await connect(server)
  const before = server.requests.length
  const completions = await model.sample(prompt(tokenizer), { ...options, n: 5 })
  assert.equal(server.requests.length, before + 5)
  assert.deepEqual(
    completions.map(({ tokenIds }) => tokenIds),
    Array.from(
      { length: 5 },
      (_, i) => policy.generate(prompt(tokenizer).ids, { ...options, seed: 11 + i }).tokenIds,
    ),
  )
})

test('a plain server is asked in text, and claims nothing', async () => {
  const server = await serve({ ...vllm, style: 'plain' })
  const model = await connect(server)
  assert.deepEqual(model.capabilities, {
    tokenIdsIn: false,
    tokenIdsOut: false,
    samplerLogprobs: false,
    score: false,
    bannedFirst: false,
    seeds: false,
  })
  const [first] = await model.sample(
    { kind: 'chat', messages: [{ role: 'user', content: question }] },
    options,
  )
  assert.match(first?.text ?? '', /####/)
  assert.equal(first?.tokenIds, null)
  await assert.rejects(model.sample(prompt(tokenizer), options), isModelError(/cannot take token ids/))
  await assert.rejects(model.score([1, 2], { ...options, from: 1 }), isModelError(/cannot score/))
})

test('scores that contradict the draws are not believed', async () => {
  const model = await connect(await serve({ ...vllm, score: (ids) => ids.map(() => -3) }))
  assert.equal(model.capabilities.score, false)
})

test('ids in the prompt are not believed when the server repeats others', async () => {
  const spoil = (reply: Record<string, unknown>) => ({
    ...reply,
    choices: (reply.choices as object[]).map((choice) => ({ ...choice, prompt_token_ids: [1, 2, 3] })),
  })
  assert.equal((await connect(await serve({ ...vllm, spoil }))).capabilities.tokenIdsIn, false)
})

test('a tokenizer of another model is refused', async () => {
  const shifted = {
    ...vllm,
    complete: () => ({ text: 'abc', tokenIds: tokenizer.encode('xyz'), finishReason: 'length' }),
  }
  await assert.rejects(
    connect(await serve(shifted)),
    isModelError(/tokenizer does not fit policy.*"xyz".*"abc"/),
  )
})

test('a chat endpoint gives text, with thinking in front of it, and no ids', async () => {
  const server = await serve({
    models: ['policy'],
    style: 'plain',
    complete: ({ messages, seed }) => ({ text: `${messages?.[0]?.content} ${seed}`, reasoning: 'hm' }),
  })
  const model = await connect(server, { dialect: 'openai-chat' })
  const [, second] = await model.sample(
    { kind: 'chat', messages: [{ role: 'user', content: 'hi' }] },
    options,
  )
  assert.equal(second?.text, '<think>\nhm\n</think>\n\nhi 12')
  assert.deepEqual([second.tokenIds, second.logprobs], [null, null])
  assert.equal(model.tokenizer, null)
  assert.deepEqual(server.requests.at(-1)?.body, {
    model: 'policy',
    messages: [{ role: 'user', content: 'hi' }],
    n: 4,
    temperature: 1,
    top_p: 1,
    presence_penalty: 0,
    frequency_penalty: 0,
    max_tokens: 200,
    seed: 11,
    stream: false,
  })
  await assert.rejects(
    model.sample(prompt(tokenizer), options),
    isModelError(/cannot take a prompt of kind tokens/),
  )
})

test('reasoning_content is read where there is no reasoning', async () => {
  const spoil = () => ({
    choices: [{ message: { content: null, reasoning_content: 'hm' }, finish_reason: 'length' }],
  })
  const model = await connect(await serve({ ...vllm, spoil }), { dialect: 'openai-chat' })
  const [only] = await model.sample({ kind: 'chat', messages: [] }, { ...options, n: 1 })
  assert.deepEqual([only?.text, only?.finishReason], ['<think>\nhm\n</think>\n\n', 'length'])
})
