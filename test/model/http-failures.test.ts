import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FulcrumError } from '../../src/errors.ts'
import { httpModel } from '../../src/model/http.ts'
import { retryAfterMs, withRetries } from '../../src/store/retry.ts'
import { type ServerScript, startOpenAiServer } from '../fixtures/openai-server.ts'
import { connect, isModelError, open, options, prompt, serve, tokenizer, vllm } from './http-setup.ts'

test('failures that pass are asked again: 429, 500, a reset, a cut body, no JSON, no finish_reason', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const faults = [
    { status: 429 },
    { status: 503 },
    'reset',
    'cut body',
    'not json',
    'no finish_reason',
  ] as const
  for (const fault of faults) {
    const before = server.requests.length
    server.fail(fault)
    const completions = await model.sample(prompt(tokenizer), options)
    assert.equal(completions.length, 4)
    assert.equal(server.requests.length, before + 2, JSON.stringify(fault))
    assert.deepEqual(server.requests.at(-1)?.body, server.requests.at(-2)?.body)
  }
})

test('attempts are bounded, and the last failure is told with the next step', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const ask = () => model.sample(prompt(tokenizer), options)
  const before = server.requests.length
  server.fail({ status: 500 }, { status: 500 }, { status: 500 }, { status: 500 }, { status: 500 })
  await assert.rejects(ask(), isModelError(/still answers 500 after 4 attempts/, /same command again/))
  assert.equal(server.requests.length, before + 4)
  server.fail('no finish_reason', 'no finish_reason', 'no finish_reason')
  await assert.rejects(ask(), isModelError(/no whole answer in 4 attempts: .*finish_reason/))
  server.fail('cut body', 'cut body', 'cut body', 'cut body')
  await assert.rejects(ask(), isModelError(/no whole answer in 4 attempts/))
})

test('a used-up quota and a refused request are not asked again', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const ask = () => model.sample(prompt(tokenizer), options)
  const before = server.requests.length
  server.fail({
    status: 429,
    error: { code: 'insufficient_quota', message: 'You exceeded your current quota' },
  })
  await assert.rejects(ask(), isModelError(/quota at .* is used up/))
  server.fail({ status: 400, error: { message: 'too long' } })
  await assert.rejects(ask(), isModelError(/refuses the request \(400\).*too long/))
  assert.equal(server.requests.length, before + 2)
})

test('Retry-After is waited for, in seconds and as a date', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  const date = 'Tue, 24 Nov 2026 12:00:00 GMT'
  const later = 'Tue, 24 Nov 2026 12:00:01 GMT'
  for (const headers of [{ 'retry-after': '1' }, { date, 'retry-after': later }]) {
    server.fail({ status: 429, headers })
    const started = performance.now()
    await model.sample(prompt(tokenizer), options)
    assert.ok(performance.now() - started >= 990)
  }
  assert.equal(retryAfterMs(new Headers({ 'retry-after': '1.5' })), 1500)
  assert.equal(retryAfterMs(new Headers({ 'retry-after-ms': '20' })), 20)
  assert.equal(retryAfterMs(new Headers({ date: later, 'retry-after': date })), 0)
  assert.equal(retryAfterMs(new Headers({ 'retry-after': later })), null)
  assert.equal(retryAfterMs(new Headers({ 'retry-after': 'soon' })), null)
  assert.equal(retryAfterMs(new Headers()), null)
})

test('a server that asks for an hour of patience stops the run at once', async () => {
  const server = await serve(vllm)
  const model = await connect(server)
  server.fail({ status: 429, headers: { 'retry-after': '3600' } })
  await assert.rejects(model.sample(prompt(tokenizer), options), isModelError(/still answers 429/))
})

test('waits double to their cap, with jitter below half', async () => {
  const waits: number[] = []
  const failing = () => {
    waits.push(performance.now())
    return Promise.reject(new Error('again'))
  }
  const policyOf = { attempts: 5, firstWaitMs: 20, longestWaitMs: 40 }
  await assert.rejects(
    withRetries(failing, () => ({ retryAfterMs: null }), policyOf, ['k']),
    /again/,
  )
  const gaps = waits.slice(1).map((at, i) => at - (waits[i] as number))
  assert.equal(gaps.length, 4)
  for (const [i, least] of [10, 20, 20, 20].entries())
    assert.ok((gaps[i] as number) >= least - 2, `${i}: ${gaps[i]}`)
})

test('an interrupted run leaves a wait and a request at once', async () => {
  const server = await serve(vllm)
  const model = await connect(server, { retry: { attempts: 3, firstWaitMs: 60_000, longestWaitMs: 60_000 } })
  const stop = new AbortController()
  server.fail({ status: 500 })
  const waiting = model.sample(prompt(tokenizer), { ...options, signal: stop.signal })
  setTimeout(() => stop.abort(), 50)
  await assert.rejects(waiting, { name: 'AbortError' })
})

test('no more requests run at once than allowed', async () => {
  let [running, most] = [0, 0]
  const slow: ServerScript = {
    models: ['policy'],
    complete: async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 10))
      running--
      return { text: 'x' }
    },
    spoil: (reply) => ({ ...reply, choices: (reply.choices as unknown[]).slice(0, 1) }),
    style: 'plain',
  }
  const model = await httpModel({
    baseUrl: (await serve(slow)).url,
    model: 'policy',
    dialect: 'vllm',
    limits: { concurrency: 3 },
  })
  open.push(model)
  most = 0
  await model.sample({ kind: 'text', text: 'x' }, { ...options, n: 20 })
  assert.equal(most, 3)
})

test('a wrong key, a missing key, an unknown model and a server that is not there are told before anything is spent', async () => {
  const server = await serve({ ...vllm, apiKey: 'sk-right' })
  await assert.rejects(connect(server, { apiKey: 'sk-wrong' }), (error) => {
    isModelError(/^http:\/\/127.* refuses the API key \(401\)/, /OPENAI_API_KEY/)(error)
    assert.ok(!`${(error as FulcrumError).message}${(error as FulcrumError).hint}`.includes('sk-wrong'))
    return true
  })
  await assert.rejects(connect(server), isModelError(/refuses requests without a key/))
  assert.equal((await connect(server, { apiKey: 'sk-right' })).capabilities.tokenIdsIn, true)
  await assert.rejects(
    connect(server, { apiKey: 'sk-right', model: 'polcy' }),
    isModelError(/has no model polcy/, /policy, other/),
  )
  const gone = await startOpenAiServer(vllm)
  await gone.close()
  await assert.rejects(
    connect(gone),
    isModelError(/Nothing answers at http.*ECONNREFUSED/, /Start the server/),
  )
  await assert.rejects(connect({ url: 'not a url' }), /not a url is no URL/)
})

test('the key is sent as bearer token, and shows in no error even when a server repeats it', async () => {
  const server = await serve({ ...vllm, apiKey: 'sk-secret' })
  const model = await connect(server, { apiKey: 'sk-secret' })
  assert.equal(server.requests.at(-1)?.headers.authorization, 'Bearer sk-secret')
  server.fail({ status: 400, error: { message: 'bad key sk-secret' } })
  await assert.rejects(model.sample(prompt(tokenizer), options), isModelError(/bad key \*\*\*/))
  const keyless = await serve(vllm)
  await connect(keyless)
  assert.equal(keyless.requests.at(-1)?.headers.authorization, undefined)
})
