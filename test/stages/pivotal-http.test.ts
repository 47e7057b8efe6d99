import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Model } from '../../src/model/model.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import type { Verifier } from '../../src/verify/verifier.ts'
import { markovPolicy } from '../fixtures/dialect-policy.ts'
import { llamaServer, type Serving, sglangServer, vllmServer } from '../fixtures/dialects.ts'
import { connect, isModelError, serve, tokenizer } from '../model/http-setup.ts'
import { lastDigit, nextTokens } from './markov.ts'
import { markovServing } from './markov-serving.ts'
import { pivotsOf } from './pivots-of.ts'

const early: Verifier = {
  id: 'early-letter/1',
  verify: (completion) => ({
    verdict: /^[^0-9]*[a-d]/.test(completion) ? 'equal' : 'different',
    extracted: completion.slice(0, 1),
    reason: null,
  }),
}
const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 8 }
const options = { gap: 0.2, rollouts: 32, verifier: early, ...sampler }
const serving: Serving = {
  tokenizer,
  next: markovPolicy('pivots', 1),
  deterministic: true,
  presencePenalty: 1.5,
}

async function rowsOf(student: Model, completions: readonly string[]) {
  const rows = completions.map((completion, i) => ({
    id: `p-${i}`,
    problem: 'Say a letter.',
    answer: 'a',
    trace_id: `p-${i}/0`,
    completion,
    completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
    teacher_model: student.id,
    verifier_id: early.id,
  }))
  return (await pivotsOf(findPivotalTokens({ student, ...options }), rows)).kept as Record<string, number>[]
}

test('one policy behind three kinds of server has the same pivotal tokens, and no penalty reaches it', async () => {
  const found: Record<string, number>[][] = []
  for (const script of [vllmServer, sglangServer, llamaServer]) {
    const server = await serve(script(serving))
    const student = await connect(server, { dialect: 'auto' })
    const rows = await rowsOf(student, ['1a2', '00b', 'a1'])
    found.push(rows.map((row) => ({ ...row, logprob: Math.round(1e4 * (row.logprob ?? 0)) })))
    const sampled = server.requests.filter(({ path }) => /complet|generate/.test(path))
    assert.ok(sampled.length > 15, `${sampled.length} requests`)
    for (const { body } of sampled) {
      const all = Array.isArray(body.sampling_params) ? body.sampling_params : [body]
      for (const { presence_penalty: presence, frequency_penalty: frequency } of all as Record<
        string,
        unknown
      >[])
        assert.deepEqual([presence, frequency], [0, 0])
    }
  }
  const [vllm = [], sglang, llama] = found
  assert.ok(vllm.length >= 1, 'no pivotal token')
  const comparable = (rows: readonly Record<string, unknown>[] = []) =>
    rows.map(({ position, prob_before: before, prob_after: after, logprob, trace_ids: ids }) => [
      position,
      before,
      after,
      logprob,
      ids,
    ])
  assert.deepEqual(comparable(sglang), comparable(vllm))
  assert.deepEqual(comparable(llama), comparable(vllm))
})

test('planted pivots are found behind a server: one request a batch, exact ids, cached tokens counted', async () => {
  const server = await serve(vllmServer(markovServing(tokenizer)))
  const student = await connect(server)
  const text = 'xxAxxAx1'
  const traceIds = [...tokenizer.encode(text), tokenizer.eos.id]
  const row = {
    ...{ id: 'p', problem: 'xy', answer: '1', trace_id: 'p-0', teacher_model: student.id },
    ...{ completion: text, completion_ids: traceIds },
  }
  const probes = server.requests.length
  const stage = findPivotalTokens({ student, gap: 0.2, verifier: lastDigit, ...sampler, maxTokens: 12 })
  const { kept, searched, counters } = await pivotsOf(stage, [row])
  const confirmed = kept.filter((one) => one.confirmed)
  assert.deepEqual(
    confirmed.map(({ position }) => position),
    [2, 5],
  )
  for (const one of confirmed) assert.deepEqual([one.chosen_token, one.rejected_token], ['A', 'B'])
  assert.equal(searched[0]?.on_policy, true)

  const prompt = searched[0].policy_prompt_ids as readonly number[]
  const asked = server.requests.slice(probes).map(({ body }) => body as { prompt: number[]; n?: number })
  const drawn = asked.filter(({ n = 1 }) => n > 1)
  assert.ok(drawn.length > 5 && asked.length < (counters.student_rollouts ?? 0), `${asked.length} requests`)
  for (const { prompt: ids } of drawn) {
    assert.deepEqual(ids.slice(0, prompt.length), prompt)
    const prefix = ids.slice(prompt.length)
    // The trace's own tokens, and then what the policy itself may write: another token, or part of an answer seen before.
    const left = prefix.findIndex((id, i) => id !== traceIds[i])
    for (let at = left < 0 ? prefix.length : left; at < prefix.length; at++)
      assert.ok(
        nextTokens(tokenizer.decode(prefix.slice(0, at))).some(
          ([letter]) => letter === tokenizer.decode(prefix.slice(at, at + 1)),
        ),
      )
  }
  assert.ok((counters.student_prompt_tokens ?? 0) > 0 && counters.student_cached_tokens !== undefined)
})

test('a server that gives text is refused before a rollout is bought', async () => {
  const server = await serve({
    models: ['policy'],
    style: 'plain',
    tokenizer,
    complete: () => ({ text: 'a' }),
  })
  const student = await connect(server)
  const before = server.requests.length
  await assert.rejects(
    rowsOf(student, ['a']),
    isModelError(
      /http:policy cannot be searched for pivotal tokens: it lacks token-id prompts, token ids of completions, exact log-prob/,
      /fulcrum doctor --endpoint/,
    ),
  )
  assert.equal(server.requests.length, before)
})
