import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tryEndpoint } from '../../src/model/http.ts'
import { gradeOf, type Completion, type SampleOptions } from '../../src/model/model.ts'
import { scoreOf } from '../../src/nn/sampling.ts'
import { firstByte, special } from '../fixtures/byte-tokenizer.ts'
import { llamaServer, type Serving, sglangServer, vllmServer } from '../fixtures/dialects.ts'
import { markovPolicy } from '../fixtures/dialect-policy.ts'
import type { ServerScript } from '../fixtures/openai-server.ts'
import { connect, isModelError, open, quick, serve, tokenizer } from './http-setup.ts'

const next = markovPolicy('dialects')
const served = { vllm: vllmServer, sglang: sglangServer, 'llama-server': llamaServer }
type Exact = keyof typeof served
const dialects = Object.keys(served) as Exact[]
const scripts = (dialect: Exact, more: Partial<Serving> = {}): ServerScript =>
  served[dialect]({ tokenizer, next, deterministic: true, ...more })

/** With the dialect left to what the server calls itself. */
async function opened(dialect: Exact, more: Partial<Serving> = {}) {
  const server = await serve(scripts(dialect, more))
  return { server, model: await connect(server, { dialect: 'auto' }) }
}

const plain: SampleOptions = { n: 6, temperature: 1, topP: 1, topK: 0, maxTokens: 12, seed: 77 }
const prompt = { kind: 'tokens', ids: tokenizer.encode('<|user|>abc<|assistant|>') } as const
const logitsOf = (ids: readonly number[]): Float32Array => Float32Array.from(next(ids))

/** Log-probability of each token under a rule, by the reference sampler. */
const expected = (ids: readonly number[], rule: SampleOptions): number[] =>
  ids.map((id, i) => scoreOf(logitsOf([...prompt.ids, ...ids.slice(0, i)]), id, rule).logprob)

function assertNear(
  found: readonly number[] | null | undefined,
  wanted: readonly number[],
  what: string,
): void {
  assert.ok(found, `${what}: no log-probabilities`)
  assert.equal(found.length, wanted.length)
  for (const [i, value] of found.entries())
    assert.ok(
      Math.abs(value - (wanted[i] as number)) < 2e-3,
      `${what}: token ${i} ${value}, not ${wanted[i]}`,
    )
}

const withHalf = (of: Completion): boolean => of.tokenIds?.includes(firstByte + 0xc3) === true

for (const dialect of dialects) {
  test(`${dialect}: every capability is found, and the grade is exact`, async () => {
    const server = await serve(scripts(dialect))
    const {
      model,
      dialect: found,
      checks,
    } = await tryEndpoint({
      baseUrl: server.url,
      model: 'policy',
      tokenizer,
      retry: quick,
    })
    open.push(model)
    assert.equal(found, dialect)
    assert.deepEqual(model.capabilities, {
      tokenIdsIn: true,
      tokenIdsOut: true,
      samplerLogprobs: true,
      score: true,
      bannedFirst: true,
      seeds: true,
    })
    assert.deepEqual(gradeOf(model), { grade: 'exact', lacks: [] })
    const unmet = checks.filter(({ ok }) => ok !== true).map(({ what }) => what)
    assert.deepEqual(unmet, dialect === 'sglang' ? ['chat template'] : [])
  })

  test(`${dialect}: completions are exact, in launch order, and those of seeds spaced by one`, async () => {
    const { model, server } = await opened(dialect)
    const before = server.requests.length
    const all = await model.sample(prompt, plain)
    assert.equal(server.requests.length - before, dialect === 'llama-server' ? 2 : 1)
    assert.ok(new Set(all.map(({ text }) => text)).size > 1)
    for (const [i, completion] of all.entries()) {
      const ids = completion.tokenIds ?? []
      assert.equal(
        completion.text,
        tokenizer.decode(completion.finishReason === 'stop' ? ids.slice(0, -1) : ids),
      )
      assert.equal(completion.finishReason === 'stop', ids.at(-1) === special.end)
      assert.ok(ids.length <= plain.maxTokens)
      const [alone] = await model.sample(prompt, { ...plain, n: 1, seed: plain.seed + i })
      assert.deepEqual(alone?.tokenIds, ids)
      // llama-server leaves out what ends inside a character: then nothing is claimed.
      if (dialect === 'llama-server' && withHalf(completion)) assert.equal(completion.logprobs, null)
      else assertNear(completion.logprobs, expected(ids, plain), `completion ${i}`)
    }
    assert.ok(all.some(withHalf), 'no completion with a character of two tokens')
  })

  test(`${dialect}: log-probabilities are the sampler's own under top-k at any temperature, or null`, async () => {
    const { model } = await opened(dialect)
    const rules = [
      { temperature: 0.7, topK: 5 },
      { temperature: 1.5, topK: 8, topP: 0.9, minP: 0.05 },
    ]
    for (const rule of rules) {
      const wanted = { ...plain, ...rule }
      for (const completion of await model.sample(prompt, wanted)) {
        if (dialect === 'llama-server' && withHalf(completion)) continue
        assertNear(completion.logprobs, expected(completion.tokenIds ?? [], wanted), JSON.stringify(rule))
      }
    }
    // After temperature the server's own are those; before, 259 tokens are more than any list.
    for (const { logprobs, tokenIds } of await model.sample(prompt, { ...plain, temperature: 0.7 })) {
      if (dialect === 'sglang')
        assertNear(logprobs, expected(tokenIds ?? [], { ...plain, temperature: 0.7 }), 'T .7')
      else assert.equal(logprobs, null)
    }
    for (const { logprobs } of await model.sample(prompt, { ...plain, topP: 0.9 }))
      assert.equal(logprobs, null)
  })

  test(`${dialect}: given tokens are scored exactly, and at other temperatures from below`, async () => {
    const { model } = await opened(dialect)
    const ids = [...tokenizer.encode('abé1'), special.end]
    const score = (of: Partial<SampleOptions>) =>
      model.score([...prompt.ids, ...ids], { ...plain, ...of, from: prompt.ids.length })
    assertNear(
      (await score({})).map(({ logprob }) => logprob),
      expected(ids, plain),
      'plain',
    )
    const cut = { temperature: 0.7, topK: 18 }
    assertNear(
      (await score(cut)).map(({ logprob }) => Math.max(logprob, -99)),
      expected(ids, { ...plain, ...cut }).map((value) => Math.max(value, -99)),
      'top-k',
    )
    const bounded = await score({ temperature: 0.7 })
    for (const [i, exact] of expected(ids, { ...plain, temperature: 0.7 }).entries()) {
      const { logprob, isLowerBound = false } = bounded[i] as (typeof bounded)[number]
      assert.ok(logprob <= exact + 1e-4, `token ${i}: ${logprob} above ${exact}`)
      assert.ok(isLowerBound || exact - logprob < 2e-3, `token ${i}: ${logprob} passed off as ${exact}`)
      assert.ok(exact - logprob < 0.5, `token ${i}: ${logprob} says nothing of ${exact}`)
    }
  })

  test(`${dialect}: banned tokens begin no completion, and may come later`, async () => {
    const { model } = await opened(dialect)
    const banned = tokenizer.encode('abcd')
    const all = await model.sample(prompt, { ...plain, n: 40, bannedFirst: banned })
    assert.equal(all.length, 40)
    assert.ok(all.every(({ tokenIds }) => !banned.includes(tokenIds?.[0] ?? 0)))
    assert.ok(all.some(({ tokenIds }) => tokenIds?.slice(1).some((id) => banned.includes(id)) === true))
    assert.ok(
      all.every(({ tokenIds, logprobs }) => logprobs === null && (tokenIds?.length ?? 99) <= plain.maxTokens),
    )
    assert.ok(
      all.every(
        ({ tokenIds, text, finishReason: why }) =>
          text === tokenizer.decode(why === 'stop' ? (tokenIds ?? []).slice(0, -1) : (tokenIds ?? [])),
      ),
    )
  })

  test(`${dialect}: a server's own penalties never reach a request`, async () => {
    const of = async (penalty: number): Promise<unknown> => {
      const { model, server } = await opened(dialect, { presencePenalty: penalty })
      const completions = await model.sample(prompt, { ...plain, n: 4 })
      for (const { path, body } of server.requests.filter(({ path: at }) => !/token|template/.test(at))) {
        const fields = (Array.isArray(body.sampling_params) ? body.sampling_params : [body]) as Record<
          string,
          unknown
        >[]
        for (const { presence_penalty: presence, frequency_penalty: frequency } of fields)
          assert.deepEqual([presence, frequency], [0, 0], path)
      }
      return completions.map(({ tokenIds }) => tokenIds)
    }
    assert.deepEqual(await of(2), await of(0))
  })

  test(`${dialect}: a prompt that leaves no place for a token is refused before it is sent`, async () => {
    const { model, server } = await opened(dialect, { context: 64 })
    const before = server.requests.length
    const long = { kind: 'tokens', ids: Array<number>(64).fill(firstByte + 97) } as const
    await assert.rejects(
      model.sample(long, plain),
      isModelError(/prompt of 64 tokens and one more do not fit the context of 64 tokens/, /longer context/),
    )
    assert.equal(server.requests.length, before)
    await assert.rejects(opened(dialect, { context: 8 }), isModelError(/do not fit the context of 8 tokens/))
  })

  test(`${dialect}: another model's tokenizer is refused by vocabulary and by special tokens`, async () => {
    const server = await serve(scripts(dialect))
    const bigger = { ...tokenizer, vocabularySize: tokenizer.vocabularySize + 1 }
    await assert.rejects(
      connect(server, { dialect: 'auto', tokenizer: bigger }),
      isModelError(/tokenizer does not fit policy: it has 260 tokens/, /folder of the very model/),
    )
    const other = {
      ...tokenizer,
      encode: (text: string) => tokenizer.encode(text.replaceAll('<|end|>', '</s>')),
    }
    await assert.rejects(
      connect(server, { dialect: 'auto', tokenizer: other }),
      isModelError(/tokenizer does not fit policy: .* tokens here and .* there; token \d+ is/),
    )
  })

  test(`${dialect}: replies without a finish reason, cut off or of another shape are asked for again`, async () => {
    const { model, server } = await opened(dialect)
    for (const fault of ['no finish_reason', 'cut body', 'not json', { status: 503 }] as const) {
      server.fail(fault)
      const before = server.requests.length
      assert.equal((await model.sample(prompt, { ...plain, n: 2 })).length, 2)
      assert.equal(server.requests.length, before + 2)
    }
  })
}

test('a changed chat template is refused where the server renders one', async () => {
  const renderChat = (content: string): string => `<|user|>Be brief. ${content}<|assistant|>`
  for (const dialect of ['vllm', 'llama-server'] as const) {
    await assert.rejects(
      opened(dialect, { renderChat }),
      isModelError(/chat template is not the one of policy: .*here and .*Be brief/, /--chat-template/),
    )
  }
})

test("a server that scores by echo only is exact too, and its scores are the model's of each token", async () => {
  const { model, server } = await opened('vllm', { scoresBy: 'echo' })
  assert.deepEqual(gradeOf(model), { grade: 'exact', lacks: [] })
  const given = tokenizer.encode('bcab')
  const from = server.requests.length
  const rule = { temperature: 1, topP: 1, topK: 0, from: prompt.ids.length }
  const scores = await model.score([...prompt.ids, ...given], rule)
  assertNear(
    scores.map(({ logprob }) => logprob),
    expected(given, { ...plain, ...rule }),
    'echo',
  )
  assert.ok(
    server.requests.slice(from).every(({ body }) => body.echo === true && !('prompt_logprobs' in body)),
  )
  // Neither way: no scores, so that a stage that needs them refuses.
  const mute = await opened('vllm', { scoresBy: 'echo', spoil: withoutEchoes })
  assert.equal(mute.model.capabilities.score, false)
})

/** The log-probabilities of the completion alone, whatever was to be echoed. */
function withoutEchoes(reply: Record<string, unknown>, body: Record<string, unknown>): unknown {
  if (body.echo !== true) return reply
  const choices = (reply.choices as { logprobs: { token_logprobs: unknown[] } }[]).map((choice) => ({
    ...choice,
    logprobs: { ...choice.logprobs, token_logprobs: choice.logprobs.token_logprobs.slice(-1) },
  }))
  return { ...reply, choices }
}

test('log-probabilities after truncation are told from those before', async () => {
  const { model } = await opened('vllm', { logprobsMode: 'processed_logprobs' })
  const rule = { ...plain, temperature: 0.7, topP: 0.9 }
  for (const { tokenIds, logprobs, modelLogprobs } of await model.sample(prompt, rule)) {
    assertNear(logprobs, expected(tokenIds ?? [], rule), 'processed')
    assert.equal(modelLogprobs, null)
  }
})

test('SGLang without deterministic inference has no seeds, and says so', async () => {
  const { model } = await opened('sglang', { deterministic: false })
  assert.equal(model.capabilities.seeds, false)
  assert.equal(gradeOf(model).grade, 'exact')
})

test('a ban that is ignored is no ban', async () => {
  const deaf = vllmServer({ tokenizer, next })
  const routes: ServerScript['routes'] = (path, body) =>
    deaf.routes?.(path, { ...body, logit_bias: {} }) ?? null
  const model = await connect(await serve({ ...deaf, routes }), { dialect: 'auto' })
  assert.equal(model.capabilities.bannedFirst, false)
  await assert.rejects(
    model.sample(prompt, { ...plain, bannedFirst: [5] }),
    isModelError(/cannot ban first tokens/),
  )
})

test('a server that ignores its model name is still asked for one it has', async () => {
  for (const dialect of ['sglang', 'llama-server'] as const) {
    await assert.rejects(
      connect(await serve(scripts(dialect)), { dialect: 'auto', model: 'polcy' }),
      isModelError(/has no model polcy/, /Models there: policy/),
    )
  }
})
