import { Worker } from 'node:worker_threads'
import { FulcrumError } from '../errors.ts'
import type { PassTask, WorkerMessage, WorkerSetup } from './pass-worker.ts'
import type { CorpusSlice } from './plan.ts'

type BatchMessage = Extract<WorkerMessage, { kind: 'batch' }>

/** The threads of a scanner. */
export interface Workers {
  readonly run: (slices: readonly CorpusSlice[]) => WorkersRun
  readonly close: () => Promise<void>
}

/** One pass that the threads share. */
interface WorkersRun {
  /** The next batch of a part. */
  readonly next: (part: number) => Promise<BatchMessage>
  /** Lets the worker that sent it go on. */
  readonly consumed: (batch: BatchMessage) => void
  /** Waits for all; sums the document frequencies. */
  readonly finish: () => Promise<Uint32Array>
}

export function startWorkers(count: number, setup: (worker: number) => WorkerSetup): Workers {
  const threads = Array.from({ length: count }, (_, worker) => startWorker(setup(worker)))
  let receive: (message: WorkerMessage) => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  let failure: Error | undefined
  for (const thread of threads) {
    const failed = (error: Error): void => fail((failure ??= error))
    thread.on('message', (message: WorkerMessage) => receive(message)).on('error', failed)
    thread.on('exit', (code) => failed(new Error(`A scanning thread ended with code ${code}`)))
  }
  return {
    run(slices) {
      const task: PassTask = { slices, control: new SharedArrayBuffer(4 * (1 + count)) }
      const control = new Int32Array(task.control)
      const gathered = gather(count)
      receive = gathered.receive
      fail = gathered.fail
      if (failure !== undefined) fail(failure)
      for (const thread of threads) thread.postMessage(task)
      return {
        next: gathered.next,
        consumed({ worker, kilobytes }) {
          Atomics.add(control, 1 + worker, kilobytes)
          Atomics.notify(control, 1 + worker)
        },
        finish: gathered.finish,
      }
    },
    close: async () => {
      await Promise.all(threads.map((thread) => thread.removeAllListeners('exit').terminate()))
    },
  }
}

/** Keeps batches until their part's turn. */
function gather(count: number) {
  const waiting = new Map<number, BatchMessage[]>()
  const frequencies: Uint32Array[] = []
  let failure: Error | undefined
  let wake: () => void = () => undefined
  const changed = async (): Promise<void> => {
    if (failure !== undefined) throw failure
    await new Promise<void>((done) => (wake = done))
  }
  return {
    receive: (message: WorkerMessage): void => {
      if (message.kind === 'batch') {
        const batches = waiting.get(message.part)
        if (batches === undefined) waiting.set(message.part, [message])
        else batches.push(message)
      } else if (message.kind === 'finished') frequencies.push(message.documentFrequency)
      else failure ??= new FulcrumError(message.error.code, message.error.message, message.error.hint)
      wake()
    },
    fail: (error: Error): void => {
      failure ??= error
      wake()
    },
    next: async (part: number): Promise<BatchMessage> => {
      for (;;) {
        const batch = waiting.get(part)?.shift()
        if (batch !== undefined) {
          if (batch.last) waiting.delete(part)
          return batch
        }
        await changed()
      }
    },
    finish: async (): Promise<Uint32Array> => {
      while (frequencies.length < count) await changed()
      const [sum, ...others] = frequencies as [Uint32Array, ...Uint32Array[]]
      for (const other of others) other.forEach((value, gram) => (sum[gram] = (sum[gram] as number) + value))
      return sum
    },
  }
}

/** From source, Node 20 does not carry the TypeScript loader of the tests into a thread: it is registered there. */
function startWorker(workerData: WorkerSetup): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./pass-worker.js', import.meta.url), { workerData })
  const loader = import.meta.resolve('tsx/esm/api')
  const module = new URL('./pass-worker.ts', import.meta.url).href
  const code = `import('${loader}').then(({ register }) => { register(); return import('${module}') })`
  return new Worker(code, { eval: true, workerData })
}
