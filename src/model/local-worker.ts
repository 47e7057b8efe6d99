import { parentPort, workerData } from 'node:worker_threads'
import { FulcrumError } from '../errors.ts'
import { loadCheckpoint } from '../nn/checkpoint.ts'
import type { GenerateOptions } from '../nn/sampler.ts'
import type { SamplingRule } from '../nn/sampling.ts'
import { createWasmSampler } from '../nn/wasm/sampler.ts'

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

const { folder } = workerData as { folder: string }
const sampler = loadCheckpoint(folder).then(createWasmSampler)

parentPort?.on('message', (request: WorkerRequest) => {
  void answer(request).then((reply) => parentPort?.postMessage(reply))
})

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
