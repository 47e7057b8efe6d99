import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openAccount } from '../../src/model/account/account.ts'
import { httpModel } from '../../src/model/http.ts'
import type { Limits } from '../../src/model/limits/limiter.ts'
import type { Model } from '../../src/model/model.ts'
import { type Chaos, type ChaosProxy, startChaosProxy } from '../fixtures/chaos-proxy.ts'
import { isModelError, open, serve } from './http-setup.ts'

// A model behind a proxy through which networks and servers misbehave, with real sockets. Times are shortened.

const breaker = { failures: 5, patienceMs: 10_000, firstTrialMs: 5 }
const retry = { attempts: 6, firstWaitMs: 2, longestWaitMs: 20 }

async function behindProxy(limits: Partial<Limits> = {}): Promise<{ model: Model; proxy: ChaosProxy }> {
  const server = await serve({
    models: ['m'],
    style: 'plain',
    complete: async ({ seed }) => {
      await new Promise((done) => setTimeout(done, 2))
      return { text: `answer ${seed}` }
    },
    apiKey: 'sk-right',
  })
  const proxy = await startChaosProxy(server.url)
  open.push(proxy)
  const model = await httpModel({
    baseUrl: proxy.url,
    model: 'm',
    dialect: 'vllm',
    apiKey: 'sk-right',
    limits: { concurrency: 8, breaker, ...limits },
    retry,
  })
  open.push(model)
  return { model, proxy }
}

const options = { n: 1, temperature: 1, topP: 1, topK: 0, maxTokens: 10 }
const ask = (model: Model, seed: number) => model.sample({ kind: 'text', text: 'p' }, { ...options, seed })

/** Asks that many questions at once; every answer must be its own. */
async function allAnswered(model: Model, questions: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: questions }, (_, seed) => ask(model, seed)))
  assert.deepEqual(
    answers.map(([one]) => one?.text),
    answers.map((_, seed) => `answer ${seed}`),
  )
}

const refused = (status: number, headers?: Record<string, string>): Chaos => ({
  status,
  ...(headers && { headers }),
})

test('a storm of 429 slows the run down and fails nothing', async () => {
  const { model, proxy } = await behindProxy()
  const from = performance.now()
  let refusals = 0
  proxy.inject(() => {
    if (performance.now() - from > 800) return null
    refusals++
    return refused(429)
  })
  await allAnswered(model, 40)
  assert.ok(refusals >= 8 && refusals < 40, `${refusals} refusals`)
})

test('while a server takes few requests at once, they become as few, and all are answered', async () => {
  const { model, proxy } = await behindProxy({ concurrency: 24 })
  let refusals = 0
  proxy.inject(() => {
    if (proxy.open < 4) return null
    refusals++
    return refused(429)
  })
  await allAnswered(model, 300)
  // Without adaptation each answer would cost several refusals.
  assert.ok(refusals < 300, `${refusals} refusals`)
})

test('Retry-After quiets the whole endpoint, not only the request that got it', async () => {
  const { model, proxy } = await behindProxy({ concurrency: 2 })
  const before = proxy.requests.length
  proxy.inject((n) => (n === 0 ? refused(429, { 'retry-after': '1' }) : null))
  await allAnswered(model, 10)
  const [refusedAt = 0, ...later] = proxy.requests.slice(before)
  const early = later.filter((at) => at < refusedAt + 900)
  assert.ok(early.length <= 1, 'only what was sent beside it came within the second')
})

test('bursts of 5xx, cut bodies and resets are ridden out', async () => {
  for (const chaos of [refused(503), refused(500), 'cut', 'reset'] as const) {
    const { model, proxy } = await behindProxy()
    proxy.inject((n) => (n < 12 || (n < 40 && n % 3 === 0) ? chaos : null))
    await allAnswered(model, 40)
  }
})

test('half-open connections cost the time limit once each, silent bodies too', async () => {
  for (const chaos of ['half-open', 'stall'] as const) {
    const { model, proxy } = await behindProxy({ timeoutMs: 400 })
    proxy.inject((n) => (n % 5 === 4 && n < 30 ? chaos : null))
    await allAnswered(model, 30)
  }
})

test('silence without end is told as such', async () => {
  const { model, proxy } = await behindProxy({ timeoutMs: 60, breaker: { ...breaker, failures: 1000 } })
  proxy.inject(() => 'half-open')
  await assert.rejects(
    ask(model, 1),
    isModelError(/gave no whole answer within 0.06 s in 6 attempts/, /--request-timeout/),
  )
})

test('a reply that takes long is waited for, once', async () => {
  const { model, proxy } = await behindProxy({ timeoutMs: 20_000 })
  const before = proxy.requests.length
  proxy.inject(() => ({ lateMs: 1500 }))
  await allAnswered(model, 3)
  assert.equal(proxy.requests.length - before, 3)
})

test('a used-up quota or a withdrawn key ends the run at once, without asking on', async () => {
  const quota = {
    status: 429,
    error: { code: 'insufficient_quota', message: 'You exceeded your current quota' },
  }
  for (const [chaos, says, hint] of [
    [quota, /quota at .* is used up/, /Raise it or use another key/],
    [refused(401), /refuses the API key \(401\)/, /OPENAI_API_KEY/],
  ] as const) {
    const { model, proxy } = await behindProxy()
    const account = await openAccount({ ledger: null })
    model.paid?.join(account)
    await allAnswered(model, 5)
    const before = proxy.requests.length
    proxy.inject(() => chaos)
    const asked = Array.from({ length: 500 }, (_, seed) => ask(model, seed))
    await assert.rejects(Promise.all(asked), isModelError(says, hint))
    await account.drain()
    await Promise.allSettled(asked)
    assert.ok(
      proxy.requests.length - before <= 40,
      `${proxy.requests.length - before} requests after the end`,
    )
  }
})

test('an endpoint that stays down ends the run with since when, how many wait, and how to go on', async () => {
  const { model, proxy } = await behindProxy({ breaker: { ...breaker, patienceMs: 300 } })
  await allAnswered(model, 3)
  const before = proxy.requests.length
  proxy.inject(() => 'reset')
  const started = performance.now()
  await assert.rejects(
    allAnswered(model, 100),
    isModelError(
      /is down since 20\d\d-\d\d-\d\dT[\d:]{8}Z \(.+\); \d+ requests waited/,
      /resume with the same command/,
    ),
  )
  assert.ok(performance.now() - started < 8000)
  assert.ok(proxy.requests.length - before < 40, 'while it is down, one request at a time tries it')
})

test('an endpoint that comes back in time is gone on with', async () => {
  const { model, proxy } = await behindProxy()
  const from = performance.now()
  proxy.inject(() => (performance.now() - from < 700 ? 'reset' : null))
  await allAnswered(model, 60)
  assert.ok(proxy.requests.length < 60 + 60)
})
