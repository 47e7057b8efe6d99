/** Rollouts on a CPU, one thread, our SIMD kernels against the tfjs-wasm sampler: `npx tsx test/bench/sampler.bench.ts`. */
import { openBackend } from '../../src/nn/backend.ts'
import type { Checkpoint } from '../../src/nn/checkpoint.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { createSampler, type Sampler } from '../../src/nn/sampler.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { type Figure, main } from './figure.ts'
import { studentConfig } from './student-config.ts'

const [promptTokens, n, maxTokens] = [64, 32, 32]
const sizes = {
  '0.8 M': studentConfig,
  '3.2 M': {
    ...studentConfig,
    vocabSize: 512,
    hiddenSize: 256,
    intermediateSize: 688,
    heads: 8,
    headDim: 32,
    kvHeads: 4,
    eosTokenId: 511,
  },
}

async function speed(sampler: Sampler, { config }: Checkpoint): Promise<number> {
  const prompt = Array.from({ length: promptTokens }, (_, i) => (i * 37) % config.vocabSize)
  const options = { temperature: 1, topP: 1, topK: 0, n, maxTokens, seeds: [1] }
  await sampler.generate([prompt], { ...options, maxTokens: 2 })
  const start = process.cpuUsage()
  const [drawn = []] = await sampler.generate([prompt], options)
  const { user, system } = process.cpuUsage(start)
  return drawn.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0) / ((user + system) / 1e6)
}

export async function bench(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [size, config] of Object.entries(sizes)) {
    const checkpoint = initialCheckpoint(config, 1)
    const tfjs = await speed(createSampler(await openBackend('wasm'), checkpoint), checkpoint)
    const ours = await speed(await createWasmSampler(checkpoint), checkpoint)
    figures.push({
      bench: 'sampler',
      case: `${size} decoder, ${n} x ${maxTokens} tokens on a ${promptTokens}-token prompt`,
      value: ours,
      unit: 'tokens/CPU-s',
      baseline: 'sampling on tfjs-wasm',
      ratio: ours / tfjs,
    })
  }
  return figures
}

await main(import.meta.url, bench)
