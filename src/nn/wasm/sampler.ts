import { FulcrumError } from '../../errors.ts'
import { rngFor } from '../../statistics/random.ts'
import type { Checkpoint } from '../checkpoint.ts'
import type { DecoderConfig } from '../config.ts'
import { checkLength, checkShapes, type Generated, type GenerateOptions, type Sampler } from '../sampler.ts'
import { pick, type SamplingRule, type Scored, scoreOf } from '../sampling.ts'
import { openEngine, type Engine, type Row, type Run } from './engine.ts'

/** Sequences decoded at once: wide enough to keep weights in cache, small enough for the memory of long prompts. */
const widest = 64

/** Whether the kernels take a model's shape: their vectors hold 4 floats, their tiles 8. */
export const fitsKernels = ({ hiddenSize, headDim }: DecoderConfig): boolean =>
  hiddenSize % 8 === 0 && headDim % 4 === 0

/** A sampler on a CPU: our own SIMD kernels, one thread. What a sequence draws does not depend, to the last bit, on
 *  the sequences decoded beside it. */
export async function createWasmSampler(checkpoint: Checkpoint): Promise<Sampler> {
  const { hiddenSize, headDim } = checkpoint.config
  if (!fitsKernels(checkpoint.config)) {
    throw new FulcrumError(
      'model',
      `The SIMD kernels take no model of hidden size ${hiddenSize} and head size ${headDim}`,
      'They want multiples of 8 and 4; createSampler samples from any shape.',
    )
  }
  const engine = await openEngine(checkpoint)
  return {
    generate: async (prompts, options) => {
      await Promise.resolve()
      checkLength(
        Math.max(...prompts.map((prompt) => prompt.length)) + options.maxTokens,
        engine.maxPositions,
      )
      const perChunk = Math.max(1, Math.floor(widest / options.n))
      const results: Generated[][] = []
      for (let at = 0; at < prompts.length; at += perChunk) {
        const seeds = options.seeds.slice(at, at + perChunk)
        results.push(...generate(engine, prompts.slice(at, at + perChunk), { ...options, seeds }))
      }
      return results
    },
    score: async (ids, from, rule) => {
      await Promise.resolve()
      checkLength(ids.length, engine.maxPositions)
      return score(engine, ids, from, rule)
    },
    setWeights: (weights) => {
      checkShapes(checkpoint.config, weights)
      engine.setWeights(weights)
    },
    dispose: () => {
      engine.reset()
    },
  }
}

interface Draft extends Generated {
  readonly draw: () => number
  readonly prompt: Run
  readonly promptLength: number
  readonly own: Run
  finishReason: 'stop' | 'length'
}

function generate(
  engine: Engine,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Generated[][] {
  engine.reset()
  const drafts = prompts.map((ids, p) => {
    const prompt = engine.newRun(ids.length)
    const first = engine.forward(promptRows(engine, ids, prompt), [ids.length - 1])
    return Array.from({ length: options.n }, (_, i): Draft => {
      const random = rngFor(options.seeds[p] as number, i)
      const own = engine.newRun(options.maxTokens)
      const base = { tokenIds: [], logprobs: [], finishReason: 'length' as const, draw: () => random.next() }
      const draft = { ...base, prompt, promptLength: ids.length, own }
      extend(engine, draft, first[0] as Float32Array, options)
      return draft
    })
  })
  let active = drafts.flat().filter((draft) => draft.finishReason === 'length')
  for (let step = 1; step < options.maxTokens && active.length > 0; step++) {
    const rows = active.map((draft): Row => {
      const { prompt, promptLength, own, tokenIds } = draft
      const position = promptLength + step - 1
      return {
        id: tokenIds.at(-1) as number,
        position,
        first: prompt,
        firstCount: promptLength,
        second: own,
        secondCount: step,
      }
    })
    const scores = engine.forward(
      rows,
      rows.map((_, i) => i),
    )
    active.forEach((draft, i) => extend(engine, draft, scores[i] as Float32Array, options))
    active = active.filter((draft) => draft.finishReason === 'length')
  }
  return drafts.map((group) =>
    group.map(({ tokenIds, logprobs, finishReason }) => ({ tokenIds, logprobs, finishReason })),
  )
}

function extend(engine: Engine, draft: Draft, scores: Float32Array, rule: SamplingRule): void {
  const { id, logprob } = pick(scores, rule, draft.draw())
  draft.tokenIds.push(id)
  draft.logprobs.push(logprob)
  if (id === engine.eos) draft.finishReason = 'stop'
}

/** Every prompt token as a row that writes into the prompt's run and looks at all before it. */
function promptRows(engine: Engine, ids: readonly number[], prompt: Run): Row[] {
  return ids.map((id, position) => ({
    id,
    position,
    first: engine.empty,
    firstCount: 0,
    second: prompt,
    secondCount: position + 1,
  }))
}

function score(engine: Engine, ids: readonly number[], from: number, rule: SamplingRule): Scored[] {
  engine.reset()
  const rows = promptRows(engine, ids.slice(0, -1), engine.newRun(ids.length))
  const wanted = ids.slice(from)
  const logits = engine.forward(
    rows,
    wanted.map((_, i) => from + i - 1),
  )
  return wanted.map((id, i) => scoreOf(logits[i] as Float32Array, id, rule))
}
