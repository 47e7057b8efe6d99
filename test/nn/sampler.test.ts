import assert from 'node:assert/strict'
import test from 'node:test'
import { openBackend } from '../../src/nn/backend.ts'
import { createSampler, type GenerateOptions } from '../../src/nn/sampler.ts'
import { referenceLogits } from '../../src/nn/reference.ts'
import { scoreOf } from '../../src/nn/sampling.ts'
import { tinyCheckpoint } from './tiny.ts'

const rule = { temperature: 0.9, topP: 1, topK: 0 }
const options = (over: Partial<GenerateOptions>): GenerateOptions => ({
  ...rule,
  n: 1,
  maxTokens: 12,
  seeds: [5],
  ...over,
})

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(`${architecture}: log-probs of what was drawn are those of the float64 reference`, async () => {
    const checkpoint = tinyCheckpoint(architecture)
    const sampler = createSampler(await openBackend('wasm'), checkpoint)
    const prompt = [3, 1, 4, 1, 5]
    const [drawn = []] = await sampler.generate([prompt], options({ n: 5 }))
    assert.equal(drawn.length, 5)
    for (const { tokenIds, logprobs } of drawn) {
      const rows = referenceLogits(checkpoint, [...prompt, ...tokenIds])
      tokenIds.forEach((id, i) => {
        const want = scoreOf(Float32Array.from(rows[prompt.length + i - 1] as Float64Array), id, rule).logprob
        assert.ok(
          Math.abs(want - (logprobs[i] as number)) < 1e-4,
          `token ${i}: ${logprobs[i]} is not ${want}`,
        )
      })
      const scored = await sampler.score([...prompt, ...tokenIds], prompt.length, rule)
      scored.forEach(({ logprob }, i) => assert.ok(Math.abs(logprob - (logprobs[i] as number)) < 1e-4))
    }
    sampler.dispose()
  })
}

test('the same request gives the same continuations to the last bit; other company moves them by rounding only', async () => {
  const sampler = createSampler(await openBackend('wasm'), tinyCheckpoint('llama'))
  const prompts = [[3, 1, 4], [1, 5, 9, 2, 6, 5], [3, 5, 8, 9, 7, 9, 3, 2, 3], [8]]
  const seeds = [71, 72, 73, 74]
  const together = await sampler.generate(prompts, options({ seeds }))
  assert.deepEqual(await sampler.generate(prompts, options({ seeds })), together)
  const ends = together.map(([one]) => one?.tokenIds.length)
  assert.ok(new Set(ends).size > 1, 'the case must have sequences that end at different steps')
  for (const [p, prompt] of prompts.entries()) {
    for (const n of [1, 37]) {
      const [alone] = await sampler.generate([prompt], options({ n, seeds: [seeds[p] as number] }))
      assert.deepEqual(alone?.[0]?.tokenIds, together[p]?.[0]?.tokenIds)
      const want = together[p]?.[0]?.logprobs ?? []
      alone?.[0]?.logprobs.forEach((logprob, i) => assert.ok(Math.abs(logprob - (want[i] as number)) < 1e-5))
    }
  }
  sampler.dispose()
})

test('the share of each first token is its probability', async () => {
  const checkpoint = tinyCheckpoint('llama')
  const sampler = createSampler(await openBackend('wasm'), checkpoint)
  const [drawn = []] = await sampler.generate([[3, 1, 4]], options({ n: 4000, maxTokens: 1 }))
  const row = Float32Array.from(referenceLogits(checkpoint, [3, 1, 4])[2] as Float64Array)
  for (let id = 0; id < checkpoint.config.vocabSize; id++) {
    const p = Math.exp(scoreOf(row, id, rule).logprob)
    const share = drawn.filter(({ tokenIds }) => tokenIds[0] === id).length / drawn.length
    assert.ok(
      Math.abs(share - p) < 5 * Math.sqrt((p * (1 - p)) / drawn.length) + 1e-9,
      `${id}: ${share} is not ${p}`,
    )
  }
  sampler.dispose()
})

test('a sampler leaves no tensor behind', async () => {
  const backend = await openBackend('wasm')
  const before = backend.tf.memory().numTensors
  const sampler = createSampler(backend, tinyCheckpoint('llama'))
  const loaded = backend.tf.memory().numTensors
  await sampler.generate([[1, 2], [3]], options({ seeds: [1, 2] }))
  await sampler.generate([[1, 2]], options({ n: 3 }))
  await sampler.score([1, 2, 3], 1, rule)
  assert.equal(backend.tf.memory().numTensors, loaded)
  sampler.dispose()
  assert.equal(backend.tf.memory().numTensors, before)
})

test('a prompt that leaves no room is refused with both numbers', async () => {
  const sampler = createSampler(await openBackend('wasm'), tinyCheckpoint('llama'))
  await assert.rejects(
    sampler.generate([Array<number>(20).fill(1)], options({})),
    /32 tokens does not fit .* 24 positions/,
  )
})

test('other weights put into an open sampler draw what a new sampler of them draws, to the last bit', async () => {
  const [old, other] = [tinyCheckpoint('qwen2'), tinyCheckpoint('qwen2', {}, 8)]
  const sampler = createSampler(await openBackend('wasm'), old)
  const first = await sampler.generate([[3, 1, 4]], options({ n: 7 }))
  sampler.setWeights(other.weights)
  const fresh = createSampler(await openBackend('wasm'), other)
  const moved = await sampler.generate([[3, 1, 4]], options({ n: 7 }))
  assert.deepEqual(moved, await fresh.generate([[3, 1, 4]], options({ n: 7 })))
  assert.notDeepEqual(moved, first)
  assert.deepEqual(await sampler.score([3, 1, 4, 5], 1, rule), await fresh.score([3, 1, 4, 5], 1, rule))
  sampler.setWeights(old.weights)
  assert.deepEqual(await sampler.generate([[3, 1, 4]], options({ n: 7 })), first)
  assert.throws(() => sampler.setWeights(new Map()), /embed_tokens.weight as \[13, 24\] and was handed none/)
  sampler.dispose()
  fresh.dispose()
})
