import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { NamedTensorMap, Tensor, Variable } from '@tensorflow/tfjs'
import { FulcrumError } from '../errors.ts'
import type { DecoderConfig } from '../nn/config.ts'
import { trainableOf } from '../nn/network.ts'
import type { GradientEngine, MicroBatch, Part } from './gradients.ts'
import type { Network } from './objective.ts'
import type { ObjectiveName } from './objectives.ts'

/** A tensor's place in a flat float32 array. */
interface Slot {
  readonly name: string
  readonly shape: readonly number[]
  readonly offset: number
  readonly size: number
  readonly trainable: boolean
}

/** What a gradient thread starts with. */
export interface WorkerStart {
  readonly backend: string
  readonly objective: ObjectiveName
  readonly settings: unknown
  readonly config: DecoderConfig
  readonly recompute: boolean
  readonly slots: readonly Slot[]
  /** Float32 of every slot that is not trained, shared. */
  readonly frozen: SharedArrayBuffer
  /** Float32 of every slot that is, shared; as they are before the step. */
  readonly weights: SharedArrayBuffer
  /** Float32 of gradients, like `weights`; a thread writes one while the other is added up. */
  readonly gradients: readonly [SharedArrayBuffer, SharedArrayBuffer]
}

/** One micro-batch to do; `step` counts the batches, so that a thread knows when weights have changed. */
export interface WorkerTask {
  readonly step: number
  readonly micro: MicroBatch<unknown>
  readonly buffer: 0 | 1
}

export type WorkerAnswer = { readonly part: Part } | { readonly error: { message: string; hint: string } }

interface Options {
  readonly objective: ObjectiveName
  readonly settings: unknown
  readonly workers: number
}

/** Gradients on several threads with a backend each. A free thread takes the next micro-batch, whichever it is; their
 *  gradients are added up here in the order of the batch, so that neither timing nor the number of threads moves a bit. */
export async function workerEngine<Item>(network: Network, options: Options): Promise<GradientEngine<Item>> {
  const { name, tf } = network.backend
  if (name !== 'wasm' && name !== 'cpu') {
    throw new FulcrumError(
      'config',
      `--workers ${options.workers} is for the backends wasm and cpu; ${name} uses the whole machine by itself`,
      'Leave --workers out.',
    )
  }
  const layout = layOut(network)
  const weights = new SharedArrayBuffer(4 * layout.trainable)
  const frozen = new SharedArrayBuffer(4 * layout.frozen)
  await copyOut(network, layout.slots, { true: new Float32Array(weights), false: new Float32Array(frozen) })
  const threads = Array.from({ length: options.workers }, () =>
    startThread({
      backend: name,
      objective: options.objective,
      settings: options.settings,
      config: network.config,
      recompute: network.recompute,
      slots: layout.slots,
      frozen,
      weights,
      gradients: [new SharedArrayBuffer(weights.byteLength), new SharedArrayBuffer(weights.byteLength)],
    }),
  )
  const sum = new Float32Array(layout.trainable)
  let step = 0
  return {
    gradients: async (micros) => {
      step++
      const trained = layout.slots.filter(({ trainable }) => trainable)
      const values = new Float32Array(weights)
      if (step > 1) await copyOut(network, trained, { true: values, false: values })
      const parts = await share(threads, micros, step, sum)
      const gradients: NamedTensorMap = {}
      for (const { name: parameter, shape, offset, size } of trained) {
        const variable = network.parameters[parameter] as Variable
        gradients[variable.name] = tf.tensor(sum.slice(offset, offset + size), [...shape])
      }
      return { parts, gradients }
    },
    close: async () => {
      await Promise.all(threads.map(({ worker }) => worker.terminate()))
    },
  }
}

function layOut({ parameters }: Network): { slots: Slot[]; trainable: number; frozen: number } {
  const trained = trainableOf(parameters)
  const totals = { true: 0, false: 0 }
  const slots = Object.entries(parameters).map(([name, { shape, size }]) => {
    const trainable = name in trained
    const offset = totals[`${trainable}`]
    totals[`${trainable}`] += size
    return { name, shape, offset, size, trainable }
  })
  return { slots, trainable: totals.true, frozen: totals.false }
}

async function copyOut(
  { parameters }: Network,
  slots: readonly Slot[],
  to: Readonly<Record<'true' | 'false', Float32Array>>,
): Promise<void> {
  for (const { name, offset, trainable } of slots)
    to[`${trainable}`].set(await (parameters[name] as Tensor).data(), offset)
}

interface Thread {
  readonly worker: Worker
  readonly gradients: readonly [Float32Array, Float32Array]
}

/** Does all micro-batches on the threads; `sum` ends as the sum of their gradients in the order of the batch. */
async function share(
  threads: readonly Thread[],
  micros: readonly MicroBatch<unknown>[],
  step: number,
  sum: Float32Array,
): Promise<Part[]> {
  const parts: Part[] = []
  let next = 0
  let added = 0
  const turns = micros.map(() => deferred())
  const work = async ({ worker, gradients }: Thread): Promise<void> => {
    const buffers: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()]
    for (let turn = 0; next < micros.length; turn++) {
      const index = next++
      const buffer = (turn % 2) as 0 | 1
      await buffers[buffer]
      const task: WorkerTask = { step, micro: strip(micros[index] as MicroBatch<unknown>), buffer }
      parts[index] = await ask(worker, task)
      buffers[buffer] = addInTurn(index, gradients[buffer])
      buffers[buffer].catch(() => undefined)
    }
    await Promise.all(buffers)
  }
  const addInTurn = async (index: number, gradient: Float32Array): Promise<void> => {
    if (index > added) await (turns[index - 1] as Deferred).promise
    if (index === 0) sum.set(gradient)
    else for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (gradient[i] as number)
    added = index + 1
    ;(turns[index] as Deferred).resolve()
  }
  await Promise.all(threads.map(work))
  return parts
}

/** Only what a thread needs is copied to it. */
const strip = ({ items, scale }: MicroBatch<unknown>): MicroBatch<unknown> => ({ items, scale })

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}

async function ask(worker: Worker, task: WorkerTask): Promise<Part> {
  const ended = new AbortController()
  const { signal } = ended
  try {
    worker.postMessage(task)
    const exit = once(worker, 'exit', { signal }).then(([code]) => {
      throw new Error(`exit code ${String(code)}`)
    })
    const [answer] = (await Promise.race([once(worker, 'message', { signal }), exit])) as [WorkerAnswer]
    if ('part' in answer) return answer.part
    throw new FulcrumError('train', answer.error.message, answer.error.hint)
  } catch (error) {
    if (error instanceof FulcrumError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new FulcrumError(
      'train',
      `A gradient thread ended: ${why}`,
      'Run the same command again; if it repeats, lower --micro-batch-size or --workers.',
      error,
    )
  } finally {
    ended.abort()
  }
}

/** From source, Node 20 does not carry the TypeScript loader of the tests into a thread: it is registered there. */
function startThread(workerData: WorkerStart): Thread {
  const gradients = workerData.gradients.map((buffer) => new Float32Array(buffer))
  const worker = ((): Worker => {
    if (!import.meta.url.endsWith('.ts'))
      return new Worker(new URL('./gradient-worker.js', import.meta.url), { workerData })
    const loader = import.meta.resolve('tsx/esm/api')
    const module = new URL('./gradient-worker.ts', import.meta.url).href
    const code = `import('${loader}').then(({ register }) => { register(); return import('${module}') })`
    return new Worker(code, { eval: true, workerData })
  })()
  return { worker, gradients: gradients as [Float32Array, Float32Array] }
}
