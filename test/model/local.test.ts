import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import { initialAdapter, mergeAdapter, saveAdapter } from '../../src/nn/lora.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { localModel } from '../../src/model/local.ts'
import { openModel } from '../../src/model/open.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { tinyCheckpoint } from '../nn/tiny.ts'

const student = 'datasets/models/student'
const whole = { temperature: 1, topP: 1, topK: 0 } as const

test('identical seeds give identical completions at batch 1, 4 and 32, on one thread and on two', async () => {
  const one = await localModel(student, { workers: 1 })
  const two = await localModel(student, { workers: 2 })
  const prompt = { kind: 'chat', messages: [{ role: 'user', content: 'Tom has 4 apples.' }] } as const
  const rule = { temperature: 0.8, topP: 0.95, topK: 20, minP: 0.01, maxTokens: 24 }
  const all = await one.sample(prompt, { ...rule, n: 32, seed: 9 })
  assert.ok(new Set(all.map(({ text }) => text)).size > 8)
  assert.deepEqual(await one.sample(prompt, { ...rule, n: 4, seed: 9 }), all.slice(0, 4))
  const alone = Array.from({ length: 4 }, () => two.sample(prompt, { ...rule, n: 1, seed: 9 }))
  for (const found of await Promise.all(alone)) assert.deepEqual(found, all.slice(0, 1))
  assert.deepEqual(await two.sample(prompt, { ...rule, n: 32, seed: 9 }), all)
  await Promise.all([one.close(), two.close()])
})

test("a completion carries the model's log-probabilities beside the sampler's: what score says at temperature 1", async () => {
  const model = await localModel(student, { workers: 1 })
  const ids = [...(model.tokenizer?.encode('Tom has 4 apples.<|solve|>') ?? [])]
  const options = { temperature: 0.5, topP: 0.9, topK: 5, minP: 0.02, maxTokens: 12, n: 3, seed: 2 }
  for (const { tokenIds, logprobs, modelLogprobs } of await model.sample({ kind: 'tokens', ids }, options)) {
    const given = [...ids, ...(tokenIds ?? [])]
    const sampler = await model.score(given, { ...options, from: ids.length })
    const raw = await model.score(given, { ...whole, from: ids.length })
    raw.forEach((score, i) => assert.ok(Math.abs(score.logprob - (modelLogprobs?.[i] ?? NaN)) < 1e-4))
    sampler.forEach((score, i) => assert.ok(Math.abs(score.logprob - (logprobs?.[i] ?? NaN)) < 1e-4))
  }
  await model.close()
})

test('an aborted signal ends waiting and running requests at once, and the model goes on working', async () => {
  const model = await localModel(student, { workers: 1 })
  const prompt = { kind: 'text', text: 'Tom has 4 apples.<|solve|>' } as const
  const short = { ...whole, maxTokens: 2, n: 1, seed: 1 }
  const before = await model.sample(prompt, short)
  const long = { ...whole, maxTokens: 96, n: 2000, seed: 1 }
  const start = performance.now()
  const full = await model.sample(prompt, { ...long, n: 200 }).then(() => performance.now() - start)
  const stop = new AbortController()
  const given = [1, 2, 3].map(() => model.sample(prompt, { ...long, signal: stop.signal }))
  const ends = Promise.allSettled(given)
  await new Promise((resolve) => setTimeout(resolve, 50))
  const aborted = performance.now()
  stop.abort(new Error('enough'))
  for (const end of await ends) {
    assert.equal(end.status === 'rejected' && (end.reason as Error).message, 'enough')
  }
  // Three whole requests would take thirty times `full`; the thread is free again after a step.
  assert.deepEqual(await model.sample(prompt, short), before)
  const took = performance.now() - aborted
  assert.ok(took < full, `${took} ms, a tenth of one request takes ${full}`)
  await assert.rejects(model.sample(prompt, { ...short, signal: stop.signal }), /enough/)
  await model.close()
})

test('a banned first token begins no completion; one may stand later', async () => {
  const model = await localModel(student, { workers: 1 })
  const prompt = { kind: 'text', text: 'Tom has 4 apples.<|solve|>' } as const
  const options = { ...whole, maxTokens: 8, n: 40, seed: 4 }
  const [likeliest] = await model.sample(prompt, { ...options, temperature: 0, n: 1 })
  const first = likeliest?.tokenIds?.[0] as number
  const free = await model.sample(prompt, options)
  assert.ok(free.some(({ tokenIds }) => tokenIds?.[0] === first))
  const banned = await model.sample(prompt, { ...options, bannedFirst: [first] })
  assert.ok(banned.every(({ tokenIds }) => tokenIds?.[0] !== first))
  await assert.rejects(
    model.sample(prompt, { ...options, bannedFirst: [100000] }),
    /Token 100000 is not one of the model's 79/,
  )
  await model.close()
})

test('a model with an adapter samples what the merged weights sample, by folder, by pair and by the adapter alone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-adapter-'))
  const [base, adapterFolder] = [join(folder, 'base'), join(folder, 'adapter')]
  await writeByteTokenizer(folder)
  const size = { vocabSize: 259, maxPositions: 32 }
  await saveCheckpoint(base, tinyCheckpoint('llama', size), { tokenizerFrom: folder })
  const { config } = await loadCheckpoint(base)
  const fresh = initialAdapter(config, { rank: 2, alpha: 4, targetModules: ['q_proj', 'down_proj'] }, 3)
  const weights = [...fresh.weights].map(
    ([name, { shape, data }]) =>
      [name, { shape, data: data.map((value, i) => value + Math.sin(i)) }] as const,
  )
  const adapter = { ...fresh, weights: new Map(weights) }
  await saveAdapter(adapterFolder, adapter, { baseModel: '../base' })
  const sampler = await createWasmSampler(mergeAdapter(await loadCheckpoint(base), adapter))
  const options = { ...whole, n: 3, maxTokens: 8 }
  const [want = []] = await sampler.generate([[5, 6, 7]], { ...options, seeds: [1] })
  const plain = await openModel(base, { workers: 1 })
  const ids = new Set([plain.id])
  for (const spec of [adapterFolder, `${base}#${adapterFolder}`]) {
    const model = await openModel(spec, { workers: 1 })
    const found = await model.sample({ kind: 'tokens', ids: [5, 6, 7] }, { ...options, seed: 1 })
    assert.deepEqual(
      found.map(({ tokenIds, logprobs }) => ({ tokenIds, logprobs })),
      want.map(({ tokenIds, logprobs }) => ({ tokenIds, logprobs })),
    )
    ids.add(model.id)
    await model.close()
  }
  assert.equal(ids.size, 2)
  await plain.close()
  await saveAdapter(adapterFolder, adapter, { baseModel: 'meta-llama/nowhere' })
  await assert.rejects(openModel(adapterFolder), /names meta-llama\/nowhere, which is no model folder here/)
})
