import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { referenceLogits } from '../../src/nn/reference.ts'
import type { GenerateOptions } from '../../src/nn/sampler.ts'
import { scoreOf } from '../../src/nn/sampling.ts'
import { compileKernels } from '../../assembly/build.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { tinyCheckpoint } from './tiny.ts'

const rule = { temperature: 0.9, topP: 0.95, topK: 11, minP: 0.01 }
const options = (over: Partial<GenerateOptions>): GenerateOptions => ({
  ...rule,
  n: 1,
  maxTokens: 12,
  seeds: [5],
  ...over,
})

for (const architecture of ['llama', 'qwen2', 'phi3'] as const) {
  test(`${architecture}: log-probs of what the SIMD kernels draw are those of the float64 reference`, async () => {
    const checkpoint = tinyCheckpoint(architecture)
    const sampler = await createWasmSampler(checkpoint)
    const prompt = [3, 1, 4, 1, 5]
    const [drawn = []] = await sampler.generate([prompt], options({ n: 9 }))
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
  })
}

test('what a sequence draws does not depend, to the last bit, on the sequences beside it', async () => {
  const sampler = await createWasmSampler(tinyCheckpoint('llama'))
  const prompts = Array.from({ length: 70 }, (_, p) =>
    Array.from({ length: 1 + (p % 9) }, (_, i) => (p * 7 + i * 5) % 13),
  )
  const seeds = prompts.map((_, p) => p)
  const together = await sampler.generate(prompts, options({ seeds }))
  assert.ok(new Set(together.map(([one]) => one?.tokenIds.length)).size > 1)
  for (const p of [0, 1, 33, 69]) {
    const alone = await sampler.generate([prompts[p] as number[]], options({ seeds: [p] }))
    assert.deepEqual(alone[0], together[p])
    const [many] = await sampler.generate([prompts[p] as number[]], options({ n: 37, seeds: [p] }))
    assert.deepEqual(many?.[0], together[p]?.[0])
  }
})

test("hundreds of continuations share one prompt's keys and values and take turns of 64 in the memory of their own", async () => {
  const sampler = await createWasmSampler(tinyCheckpoint('llama'))
  const prompt = Array.from({ length: 16 }, (_, i) => i % 13)
  const few = await sampler.generate([prompt], options({ n: 64, maxTokens: 4 }))
  // Two layers of keys and values of 16 floats a position.
  const position = 2 * 2 * 16 * 4
  const shared = 16 * position + 64 * 4 * position
  assert.equal(sampler.memory().keysAndValues, shared)
  assert.ok(shared < (64 * (16 + 4) * position) / 4)
  const [many = []] = await sampler.generate([prompt], options({ n: 300, maxTokens: 4 }))
  assert.equal(sampler.memory().keysAndValues, shared)
  assert.deepEqual([many.slice(0, 64)], few)
})

test('the kernels that ship are what the compiler makes of their source', () => {
  const shipped = readFileSync(new URL('../../src/nn/wasm/kernels.wasm.ts', import.meta.url), 'utf8')
  assert.equal(shipped, compileKernels('decoder'))
})

test('other weights put into an open sampler draw what a new sampler of them draws, to the last bit', async () => {
  const [old, other] = [tinyCheckpoint('qwen2'), tinyCheckpoint('qwen2', {}, 8)]
  const sampler = await createWasmSampler(old)
  const first = await sampler.generate([[3, 1, 4]], options({ n: 7 }))
  sampler.setWeights(other.weights)
  const fresh = await createWasmSampler(other)
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
