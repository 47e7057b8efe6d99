import type { Tensor, Tensor2D, Tensor3D } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import type { Backend } from './backend.ts'
import type { Checkpoint } from './checkpoint.ts'
import { type DecoderConfig, tensorShapes } from './config.ts'
import {
  checkRequest,
  checkScored,
  type Continuation,
  finished,
  type Generated,
  type GenerateOptions,
  newContinuations,
} from './continuation.ts'
import { decodeStep, type Decoder, openDecoder, prefill, keepSequences } from './decode.ts'
import { logits } from './network.ts'
import type { Weight } from './safetensors.ts'
import { type SamplingRule, type Scored, scoreOf } from './sampling.ts'

export type { Generated, GenerateOptions }

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

/** A sampler with a KV cache on a tfjs backend. `beforeStep` is called before every pass; what it throws ends the call. */
export function createSampler(
  backend: Backend,
  checkpoint: Checkpoint,
  beforeStep: () => void = () => undefined,
): Sampler {
  const { tf } = backend
  const decoder = openDecoder(backend, checkpoint)
  const { config } = checkpoint
  return {
    generate: async (prompts, options) => {
      checkRequest(prompts, options, config)
      // The cache holds one prompt with many sequences or many prompts with one each.
      if (prompts.length === 1 || options.n === 1) return generate(decoder, prompts, options, beforeStep)
      const results: Generated[][] = []
      for (const [p, prompt] of prompts.entries()) {
        const seeds = [options.seeds[p] as number]
        results.push(...(await generate(decoder, [prompt], { ...options, seeds }, beforeStep)))
      }
      return results
    },
    score: async (ids, from, rule) => {
      checkScored(ids, from, rule, config)
      beforeStep()
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
  beforeStep: () => void,
): Promise<Generated[][]> {
  beforeStep()
  const all = prompts.flatMap((_, p) => newContinuations(options, p, decoder.eos))
  let cache = prefill(decoder, prompts, options.n)
  let active = all
  try {
    for (let step = 1; ; step++) {
      const scores = await rowsOf(cache.logits)
      active.forEach((one, row) => {
        one.extend(scores[row] as Float32Array)
      })
      const alive = active.flatMap((one, row) => (one.finishReason === 'stop' ? [] : [row]))
      if (alive.length === 0 || step >= options.maxTokens) return finished(all, options.n)
      beforeStep()
      if (alive.length < active.length) cache = keepSequences(decoder, cache, alive)
      active = alive.map((row) => active[row] as Continuation)
      cache = decodeStep(
        decoder,
        cache,
        active.map(({ tokenIds }) => tokenIds.at(-1) as number),
      )
    }
  } finally {
    cache.dispose()
  }
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

/** The rows of a [.., V] tensor, which is disposed. */
async function rowsOf(tensor: Tensor2D | Tensor3D): Promise<Float32Array[]> {
  const width = tensor.shape.at(-1) as number
  const data = (await (tensor as Tensor).data()) as Float32Array
  tensor.dispose()
  return Array.from({ length: data.length / width }, (_, i) => data.subarray(i * width, (i + 1) * width))
}
