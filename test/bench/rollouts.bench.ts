/** Rollouts on a CPU, 32 completions of 32 tokens on a 64-token prompt, in one run on the same random models: our SIMD
 *  decoder against tfjs-wasm that reads each prompt itself, against node-llama-cpp's `evaluate` where it is installed,
 *  and two worker threads against one: `npm run bench:rollouts`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { localModel } from '../../src/model/local.ts'
import type { Model } from '../../src/model/model.ts'
import { openBackend } from '../../src/nn/backend.ts'
import { loadCheckpoint, saveCheckpoint } from '../../src/nn/checkpoint.ts'
import type { DecoderConfig } from '../../src/nn/config.ts'
import { exportGguf } from '../../src/nn/gguf-model.ts'
import { initialCheckpoint } from '../../src/nn/initial.ts'
import { createSampler, type Sampler } from '../../src/nn/sampler.ts'
import { createWasmSampler } from '../../src/nn/wasm/sampler.ts'
import { writeByteTokenizer } from '../fixtures/byte-tokenizer.ts'
import { findLlama, withoutLlama } from '../fixtures/node-llama-cpp.ts'
import { type Figure, main } from './figure.ts'
import { studentConfig } from './student-config.ts'

const [promptTokens, n, maxTokens] = [64, 32, 32]
const small: DecoderConfig = {
  ...studentConfig,
  ...{
    vocabSize: 512,
    hiddenSize: 256,
    intermediateSize: 688,
    heads: 8,
    headDim: 32,
    kvHeads: 4,
    eosTokenId: 511,
  },
}
const sizes: Readonly<Record<string, DecoderConfig>> = {
  '0.8 M': { ...studentConfig, vocabSize: 512, eosTokenId: 511 },
  '3.2 M': small,
  '27 M': {
    ...small,
    layers: 8,
    hiddenSize: 512,
    intermediateSize: 1376,
    headDim: 64,
    vocabSize: 4096,
    eosTokenId: 4095,
  },
}
const prompt = Array.from({ length: promptTokens }, (_, i) => (i * 37) % 509)
const rule = { temperature: 1, topP: 1, topK: 0 }

/** Tokens a CPU-second of the whole process, of what `sample` draws; the best of two. */
async function tokensPerCpuSecond(sample: (maxTokens: number) => Promise<number>): Promise<number> {
  await sample(2)
  let best = 0
  for (let round = 0; round < 2; round++) {
    const start = process.cpuUsage()
    const tokens = await sample(maxTokens)
    const { user, system } = process.cpuUsage(start)
    best = Math.max(best, tokens / ((user + system) / 1e6))
  }
  return best
}

const count = (drawn: readonly (readonly { readonly tokenIds: readonly number[] }[])[]): number =>
  drawn.flat().reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)

const shared = (sampler: Sampler): Promise<number> =>
  tokensPerCpuSecond(async (most) =>
    count(await sampler.generate([prompt], { ...rule, n, maxTokens: most, seeds: [1] })),
  )

const apart = (sampler: Sampler): Promise<number> =>
  tokensPerCpuSecond(async (most) => {
    const prompts = Array.from({ length: n }, () => prompt)
    return count(
      await sampler.generate(prompts, { ...rule, n: 1, maxTokens: most, seeds: prompts.map((_, p) => p) }),
    )
  })

/** node-llama-cpp's own way: each of 32 sequences evaluates the prompt and goes on, batched by the library. */
async function evaluated(file: string): Promise<number | null> {
  const library = (await findLlama()) as unknown as Evaluating | null
  if (library === null) return null
  const llama = await library.getLlama({ gpu: false, build: 'never', logLevel: 'error', progressLogs: false })
  const model = await llama.loadModel({ modelPath: file })
  const context = await model.createContext({
    sequences: n,
    contextSize: 128,
    threads: 1,
    flashAttention: false,
  })
  const sequences = Array.from({ length: n }, () => context.getSequence())
  const one = async (sequence: EvaluatingSequence, most: number): Promise<number> => {
    await sequence.clearHistory()
    let tokens = 0
    for await (const id of sequence.evaluate(prompt, { ...rule, minP: 0, yieldEogToken: true })) {
      if (id >= 0 && ++tokens === most) break
    }
    return tokens
  }
  const speed = await tokensPerCpuSecond(async (most) => {
    const counts = await Promise.all(sequences.map((sequence) => one(sequence, most)))
    return counts.reduce((sum, tokens) => sum + tokens, 0)
  })
  await llama.dispose()
  return speed
}

interface Evaluating {
  getLlama(options: object): Promise<{
    loadModel(options: object): Promise<{
      createContext(options: object): Promise<{ getSequence(): EvaluatingSequence }>
    }>
    dispose(): Promise<void>
  }>
}

interface EvaluatingSequence {
  clearHistory(): Promise<void>
  evaluate(tokens: readonly number[], options: object): AsyncIterable<number>
}

/** Eight requests at once: tokens a second by the clock, and a CPU-second. */
async function eightRequests(model: Model, most: number): Promise<{ clock: number; cpu: number }> {
  const options = { ...rule, n, maxTokens: most }
  const [start, startCpu] = [performance.now(), process.cpuUsage()]
  const drawn = await Promise.all(
    Array.from({ length: 8 }, (_, seed) =>
      model.sample({ kind: 'tokens', ids: prompt }, { ...options, seed }),
    ),
  )
  const { user, system } = process.cpuUsage(startCpu)
  const tokens = drawn.flat().reduce((sum, { completionTokens }) => sum + completionTokens, 0)
  return { clock: (tokens * 1000) / (performance.now() - start), cpu: (tokens * 1e6) / (user + system) }
}

/** The best of five rounds each, in turns, so that a busy neighbour slows both. The second figure does not hear of
 *  neighbours: what a token costs beside another thread, two free cores give twice that ratio. */
async function twoWorkers(folder: string): Promise<Figure[]> {
  const models = await Promise.all([1, 2].map((workers) => localModel(folder, { workers })))
  const best = models.map(() => ({ clock: 0, cpu: 0 }))
  for (const model of models) await eightRequests(model, 2)
  for (let round = 0; round < 5; round++) {
    for (const [i, model] of models.entries()) {
      const { clock, cpu } = await eightRequests(model, maxTokens)
      const before = best[i] as { clock: number; cpu: number }
      best[i] = { clock: Math.max(before.clock, clock), cpu: Math.max(before.cpu, cpu) }
    }
  }
  await Promise.all(models.map((model) => model.close()))
  const [one, two] = best as [(typeof best)[0], (typeof best)[0]]
  const of = { bench: 'rollouts', case: '3.2 M decoder, eight requests, two workers', baseline: 'one worker' }
  return [
    { ...of, value: two.clock, unit: 'tokens/s', ratio: two.clock / one.clock },
    { ...of, value: two.cpu, unit: 'tokens/CPU-s', ratio: two.cpu / one.cpu },
  ]
}

export async function bench(): Promise<Figure[]> {
  const figures: Figure[] = []
  const folder = mkdtempSync(join(tmpdir(), 'fulcrum-rollouts-'))
  await writeByteTokenizer(folder)
  for (const [size, config] of Object.entries(sizes)) {
    const path = join(folder, size.replace(' ', ''))
    await saveCheckpoint(path, initialCheckpoint(config, 1), { tokenizerFrom: folder })
    const checkpoint = await loadCheckpoint(path)
    const ours = await shared(await createWasmSampler(checkpoint))
    const of = {
      bench: 'rollouts',
      case: `${size} decoder, ${n} x ${maxTokens} tokens`,
      value: ours,
      unit: 'tokens/CPU-s',
    }
    const tfjs = createSampler(await openBackend('wasm'), checkpoint)
    figures.push({ ...of, baseline: 'tfjs-wasm, no shared prefix', ratio: ours / (await apart(tfjs)) })
    if (size === '3.2 M')
      figures.push({ ...of, baseline: 'tfjs-wasm, shared prefix', ratio: ours / (await shared(tfjs)) })
    tfjs.dispose()
    const file = `${path}.gguf`
    await exportGguf(file, checkpoint)
    const llama = await evaluated(file)
    if (llama === null) console.error(withoutLlama)
    else figures.push({ ...of, baseline: "node-llama-cpp's evaluate", ratio: ours / llama })
    if (size === '3.2 M') figures.push(...(await twoWorkers(path)))
  }
  rmSync(folder, { recursive: true })
  return figures
}

await main(import.meta.url, bench)
