import { parentPort, workerData } from 'node:worker_threads'
import { FulcrumError } from '../errors.ts'
import { loadAdapted, type ModelFolders } from '../nn/adapted.ts'
import type { Checkpoint } from '../nn/checkpoint.ts'
import type { SamplingRule } from '../nn/sampling.ts'
import { openBackend } from '../nn/backend.ts'
import { createSampler, type GenerateOptions, type Sampler } from '../nn/sampler.ts'
import { createWasmSampler, fitsKernels } from '../nn/wasm/sampler.ts'

export type WorkerRequest =
  | {
      readonly kind: 'generate'
      readonly prompts: readonly (readonly number[])[]
      readonly options: GenerateOptions
    }
  | {
      readonly kind: 'score'
      readonly ids: readonly number[]
      readonly from: number
      readonly rule: SamplingRule
    }

export type WorkerAnswer = { readonly value: unknown } | { readonly error: { message: string; hint: string } }

export interface WorkerData extends ModelFolders {
  /** [1] int32, shared: not 0 asks to give up the running request. */
  readonly stop: Int32Array
}

const { stop, ...folders } = workerData as WorkerData
const sampler = loadAdapted(folders).then(samplerFor)

parentPort?.on('message', (request: WorkerRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply))
})

/** Our kernels, or tfjs for the odd shape that they do not take. */
async function samplerFor(checkpoint: Checkpoint): Promise<Sampler> {
  if (fitsKernels(checkpoint.config)) return createWasmSampler(checkpoint, endWhenAsked)
  return createSampler(await openBackend('wasm'), checkpoint, endWhenAsked)
}

function endWhenAsked(): void {
  if (Atomics.load(stop, 0) !== 0)
    throw new FulcrumError('model', 'The request was given up', 'Nobody waits for its answer.')
}

async function answer(request: WorkerRequest): Promise<WorkerAnswer> {
  try {
    const { generate, score } = await sampler
    if (request.kind === 'score') return { value: await score(request.ids, request.from, request.rule) }
    return { value: await generate(request.prompts, request.options) }
  } catch (error) {
    if (error instanceof FulcrumError) return { error: { message: error.message, hint: error.hint } }
    return {
      error: {
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        hint: 'Report this.',
      },
    }
  }
}
