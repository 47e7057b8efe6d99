import { Worker } from 'node:worker_threads'
import { FulcrumError } from '../errors.ts'
import { loadCheckpoint } from '../nn/checkpoint.ts'
import type { Generated } from '../nn/sampler.ts'
import { loadTokenizer } from '../nn/tokenizer.ts'
import type { WorkerAnswer, WorkerRequest } from './local-worker.ts'
import type { Completion, Model, Prompt, Tokenizer, TokenScore } from './model.ts'

export interface LocalModelOptions {
  /** Worker threads, each with the weights of its own. */
  readonly workers?: number
}

/** A model folder sampled in this process, on worker threads with the SIMD kernels of nn/wasm. */
export async function localModel(folder: string, { workers = 2 }: LocalModelOptions = {}): Promise<Model> {
  const { name, sha256, config } = await loadCheckpoint(folder)
  const tokenizer = await loadTokenizer(folder)
  const pool = openPool(folder, workers)
  return {
    id: `local:${name}@${sha256.slice(0, 12)}`,
    capabilities: { tokenIdsIn: true, tokenIdsOut: true, samplerLogprobs: true, score: true },
    tokenizer,
    sample: async (prompt, { signal, n, seed, ...options }) => {
      const ids = promptIds(prompt, tokenizer)
      // A completion ends at the model's last position; a prompt that leaves no room is refused below.
      const room = config.maxPositions - ids.length
      const maxTokens = room < 1 ? options.maxTokens : Math.min(options.maxTokens, room)
      const request = {
        kind: 'generate' as const,
        prompts: [ids],
        options: { ...options, maxTokens, n, seeds: [seed] },
      }
      const [generated = []] = (await pool.ask(request, signal)) as Generated[][]
      return generated.map((one) => completionOf(one, ids.length, tokenizer))
    },
    score: async (ids, { signal, from, ...rule }) =>
      (await pool.ask({ kind: 'score', ids: [...ids], from, rule }, signal)) as TokenScore[],
    close: pool.close,
  }
}

function promptIds(prompt: Prompt, tokenizer: Tokenizer): readonly number[] {
  if (prompt.kind === 'tokens') return prompt.ids
  return tokenizer.encode(prompt.kind === 'text' ? prompt.text : tokenizer.renderChat(prompt.messages))
}

function completionOf(
  { tokenIds, logprobs, modelLogprobs, finishReason }: Generated,
  promptTokens: number,
  tokenizer: Tokenizer,
): Completion {
  const text = tokenizer.decode(finishReason === 'stop' ? tokenIds.slice(0, -1) : tokenIds)
  const completionTokens = tokenIds.length
  return { text, tokenIds, logprobs, modelLogprobs, finishReason, promptTokens, completionTokens }
}

interface Pool {
  readonly ask: (request: WorkerRequest, signal?: AbortSignal) => Promise<unknown>
  readonly close: () => Promise<void>
}

interface Waiting {
  readonly request: WorkerRequest
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

/** Threads are started at the first request; each takes the oldest waiting request when it is free. */
function openPool(folder: string, workers: number): Pool {
  const queue: Waiting[] = []
  const idle: Worker[] = []
  const all: Worker[] = []

  const start = (): void => {
    const worker = startWorker({ folder })
    worker.unref()
    all.push(worker)
    idle.push(worker)
  }
  const next = (): void => {
    if (idle.length === 0 && all.length < workers) start()
    const worker = idle.pop()
    const waiting = worker === undefined ? undefined : queue.shift()
    if (worker === undefined) return
    if (waiting === undefined) idle.push(worker)
    else give(worker, waiting)
  }
  const give = (worker: Worker, { request, resolve, reject }: Waiting): void => {
    const done = (): void => {
      worker.off('message', answered).off('error', failed).off('exit', failed)
      worker.unref()
    }
    const answered = (answer: WorkerAnswer): void => {
      done()
      idle.push(worker)
      if ('error' in answer) reject(new FulcrumError('model', answer.error.message, answer.error.hint))
      else resolve(answer.value)
      next()
    }
    const failed = (reason: unknown): void => {
      done()
      all.splice(all.indexOf(worker), 1)
      const why = reason instanceof Error ? reason.message : `exit code ${String(reason)}`
      reject(
        new FulcrumError(
          'model',
          `A sampling thread for ${folder} ended: ${why}`,
          'Run the same command again; if it repeats, lower the batch.',
          reason,
        ),
      )
      next()
    }
    // A thread with work keeps the process alive; an idle one does not.
    worker.ref()
    worker.on('message', answered).on('error', failed).on('exit', failed)
    worker.postMessage(request)
  }
  return {
    ask: (request, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        queue.push({ request, resolve, reject })
        next()
      }),
    close: async () => {
      await Promise.all(all.map((worker) => worker.terminate()))
    },
  }
}

/** From source, Node 20 does not carry the TypeScript loader of the tests into a thread: it is registered there. */
function startWorker(workerData: { readonly folder: string }): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./local-worker.js', import.meta.url), { workerData })
  const loader = import.meta.resolve('tsx/esm/api')
  const module = new URL('./local-worker.ts', import.meta.url).href
  const code = `import('${loader}').then(({ register }) => { register(); return import('${module}') })`
  return new Worker(code, { eval: true, workerData })
}
