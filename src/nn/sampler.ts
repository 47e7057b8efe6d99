import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import { rngFor } from '../statistics/random.ts'
import type { Backend } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type DecoderConfig, tensorShapes } from './config.ts'
import { decodeStep, type Cache, type Decoder, openDecoder, prefill, keepSequences } from './decode.ts'
import { logits } from './network.ts'
import type { Weight } from './safetensors.ts'
import { pick, type SamplingRule, type Scored, scoreOf } from './sampling.ts'

export interface GenerateOptions extends SamplingRule {
  /** Continuations of each prompt; they share the prompt's keys and values. */
  readonly n: number
  readonly maxTokens: number
  /** Continuation i of prompt p draws from rngFor(seeds[p], i). */
  readonly seeds: readonly number[]
}

export interface Generated {
  /** With the end token when finishReason is 'stop'. */
  readonly tokenIds: number[]
  /** Of each token under the sampler itself, nats. */
  readonly logprobs: number[]
  readonly finishReason: 'stop' | 'length'
}

/** Draws continuations and scores tokens with one checkpoint on one backend. */
export interface Sampler {
  /** n continuations of every prompt, [prompts][n]. */
  readonly generate: (
    prompts: readonly (readonly number[])[],
    options: GenerateOptions,
  ) => Promise<Generated[][]>
  /** What the sampler makes of ids[from..], each given all before it. */
  readonly score: (ids: readonly number[], from: number, rule: SamplingRule) => Promise<Scored[]>
  /** Goes on with other weights of the same shapes, between calls only: what a trainer's policy samples with. */
  readonly setWeights: (weights: Checkpoint['weights']) => void
  readonly dispose: () => void
}

/** A sampler with a KV cache on a tfjs backend. */
export function createSampler(backend: Backend, checkpoint: Checkpoint): Sampler {
  const { tf } = backend
  const decoder = openDecoder(backend, checkpoint)
  const { config } = checkpoint
  return {
    generate: async (prompts, options) => {
      checkLength(Math.max(...prompts.map(({ length }) => length)) + options.maxTokens, config.maxPositions)
      // The cache holds one prompt with many sequences or many prompts with one each.
      if (prompts.length === 1 || options.n === 1) return generate(decoder, prompts, options)
      const results: Generated[][] = []
      for (const [p, prompt] of prompts.entries()) {
        const seeds = [options.seeds[p] as number]
        results.push(...(await generate(decoder, [prompt], { ...options, seeds })))
      }
      return results
    },
    score: async (ids, from, rule) => {
      checkLength(ids.length, config.maxPositions)
      const out = tf.tidy(() =>
        logits(backend, config, decoder.parameters, tf.tensor2d([[...ids]], undefined, 'int32')),
      )
      const rows = await rowsOf(out)
      return ids.slice(from).map((id, i) => scoreOf(rows[from + i - 1] as Float32Array, id, rule))
    },
    setWeights: (weights) => {
      checkShapes(config, weights)
      for (const [name, variable] of Object.entries(decoder.parameters)) {
        const { shape, data } = weights.get(name) as Weight
        tf.tidy(() => variable.assign(tf.tensor(data, [...shape], 'float32')))
      }
    },
    dispose: () => {
      decoder.dispose()
    },
  }
}

async function generate(
  decoder: Decoder,
  prompts: readonly (readonly number[])[],
  options: GenerateOptions,
): Promise<Generated[][]> {
  const drafts = prompts.flatMap((_, p) =>
    Array.from({ length: options.n }, (_, i) => newDraft(options.seeds[p] as number, i)),
  )
  let cache = prefill(decoder, prompts, options.n)
  let active = drafts.map((_, i) => i)
  let scores = await takeScores(cache)
  for (let step = 0; step < options.maxTokens; step++) {
    active.forEach((d, row) => extend(drafts[d] as Draft, scores[row] as Float32Array, options, decoder.eos))
    const alive = active.flatMap((d, row) => (drafts[d]?.ended === true ? [] : [row]))
    if (alive.length === 0 || step === options.maxTokens - 1) break
    if (alive.length < active.length) cache = keepSequences(decoder, cache, alive)
    active = alive.map((row) => active[row] as number)
    cache = decodeStep(
      decoder,
      cache,
      active.map((d) => drafts[d]?.tokenIds.at(-1) as number),
    )
    scores = await takeScores(cache)
  }
  cache.dispose()
  const done = drafts.map(finish)
  return prompts.map((_, p) => done.slice(p * options.n, (p + 1) * options.n))
}

/** Refuses a sequence that the model has no positions for. */
export function checkLength(length: number, most: number): void {
  if (length <= most) return
  throw new FulcrumError(
    'model',
    `A sequence of ${length} tokens does not fit the model's ${most} positions`,
    'Lower the token limit (--max-tokens) or leave out longer problems.',
  )
}

/** Refuses weights that are not, tensor by tensor, those that a config asks for. */
export function checkShapes(config: DecoderConfig, weights: Checkpoint['weights']): void {
  for (const [name, shape] of tensorShapes(config)) {
    const found = weights.get(name)?.shape.join(', ')
    if (found === shape.join(', ')) continue
    throw new FulcrumError(
      'model',
      `The sampler holds ${name} as [${shape.join(', ')}] and was handed ${found === undefined ? 'none' : `[${found}]`}`,
      'Open a new sampler for a model of another shape.',
    )
  }
}

interface Draft {
  readonly tokenIds: number[]
  readonly logprobs: number[]
  readonly draw: () => number
  ended: boolean
}

function newDraft(seed: number, i: number): Draft {
  const random = rngFor(seed, i)
  return { tokenIds: [], logprobs: [], draw: () => random.next(), ended: false }
}

function extend(draft: Draft, scores: Float32Array, rule: SamplingRule, eos: number): void {
  const { id, logprob } = pick(scores, rule, draft.draw())
  draft.tokenIds.push(id)
  draft.logprobs.push(logprob)
  draft.ended = id === eos
}

const finish = ({ tokenIds, logprobs, ended }: Draft): Generated => ({
  tokenIds,
  logprobs,
  finishReason: ended ? 'stop' : 'length',
})

async function takeScores(cache: Cache): Promise<Float32Array[]> {
  return rowsOf(cache.logits)
}

/** The rows of a [.., V] tensor, which is disposed. */
async function rowsOf(tensor: Tensor2D | Tensor3D): Promise<Float32Array[]> {
  const width = tensor.shape.at(-1) as number
  const data = (await (tensor as Tensor).data()) as Float32Array
  tensor.dispose()
  return Array.from({ length: data.length / width }, (_, i) => data.subarray(i * width, (i + 1) * width))
}
