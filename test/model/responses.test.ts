import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Completion, gradeOf, type SampleOptions } from '../../src/model/model.ts'
import { markovPolicy } from '../fixtures/dialect-policy.ts'
import { responsesServer, vllmServer } from '../fixtures/dialects.ts'
import type { ServerScript } from '../fixtures/openai-server.ts'
import { connect, isModelError, serve, tokenizer } from './http-setup.ts'

const plain: SampleOptions = { n: 6, temperature: 1, topP: 1, topK: 0, maxTokens: 12, seed: 77 }

test('Responses: one completion a request, thinking in front, usage as it is billed', async () => {
  const server = await serve(responsesServer({ reasoning: true }))
  const model = await connect(server, { dialect: 'openai-responses' })
  const chat = { kind: 'chat', messages: [{ role: 'user', content: '1 + 1?' }] } as const
  const told: unknown[] = []
  const ask = (of: Partial<SampleOptions>): Promise<readonly Completion[]> =>
    model.sample(chat, { ...plain, n: 2, maxTokens: 50, onUsage: (usage) => told.push(usage), ...of })
  const [first] = await ask({})
  assert.deepEqual([first?.text, first?.finishReason], ['<think>\none and one\n</think>\n\ntwo', 'stop'])
  assert.deepEqual(
    told,
    Array(2).fill({ promptTokens: 9, cachedTokens: 4, completionTokens: 7, reasoningTokens: 5 }),
  )
  assert.equal((await ask({ maxTokens: 16 }))[0]?.finishReason, 'length')
  assert.deepEqual(server.requests.at(-1)?.body, {
    model: 'policy',
    input: chat.messages,
    max_output_tokens: 16,
    store: false,
    stream: false,
  })
  await assert.rejects(ask({ temperature: 0.7 }), isModelError(/cannot sample at temperature 0.7/))
  const free = await connect(await serve(responsesServer({ reasoning: false })), {
    dialect: 'openai-responses',
  })
  assert.equal((await free.sample(chat, { ...plain, temperature: 0.7, maxTokens: 50 })).length, plain.n)
  assert.equal(gradeOf(free).grade, 'text')
  server.fail('no finish_reason')
  assert.equal((await ask({})).length, 2)
})

test('an unknown dialect, and an endpoint that answers web pages, are refused with the next step', async () => {
  const server = await serve(vllmServer({ tokenizer, next: markovPolicy('responses') }))
  await assert.rejects(connect(server, { dialect: 'ollama' as never }), (error) => {
    assert.match(String(error), /There is no dialect ollama/)
    assert.match(
      (error as { hint: string }).hint,
      /auto, vllm, sglang, llama-server, openai-chat, openai-responses/,
    )
    return true
  })
  const page = '<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head></html>'
  const routes: ServerScript['routes'] = () => ({ status: 200, reply: page as never })
  const web = await serve({ models: [], complete: () => ({}), routes })
  for (const dialect of ['auto', 'sglang', 'openai-chat'] as const) {
    const before = web.requests.length
    await assert.rejects(
      connect(web, { dialect }),
      isModelError(/answers a web page where JSON should be: Welcome to nginx!/, /URL of the API/),
    )
    assert.ok(web.requests.length - before <= 1)
  }
})
