import { Worker } from 'node:worker_threads'
import { FulcrumError } from '../errors.ts'
import type { ModelFolders } from '../nn/adapted.ts'
import type { WorkerAnswer, WorkerData, WorkerRequest } from './local-worker.ts'

/** Worker threads that sample one model. */
export interface Pool {
  /** Rejects as soon as the signal aborts: a waiting request is taken out, a running one ends before its next step. */
  readonly ask: (request: WorkerRequest, signal?: AbortSignal) => Promise<unknown>
  readonly close: () => Promise<void>
}

interface Asked {
  readonly request: WorkerRequest
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Thread {
  readonly worker: Worker
  /** [1] int32: not 0 asks the thread to give up what it does. */
  readonly stop: Int32Array
}

/** Threads are started at the first request; each takes the oldest waiting request when it is free. */
export function openPool(folders: ModelFolders, workers: number): Pool {
  const queue: Asked[] = []
  const idle: Thread[] = []
  const running = new Map<Thread, Asked>()
  const alive = new Set<Thread>()

  const next = (): void => {
    while (queue.length > 0) {
      if (idle.length === 0 && alive.size < workers) start()
      const thread = idle.pop()
      if (thread === undefined) return
      give(thread, queue.shift() as Asked)
    }
  }
  const start = (): void => {
    const thread = startThread(folders, (answer) => {
      const asked = running.get(thread)
      running.delete(thread)
      thread.worker.unref()
      if (answer instanceof FulcrumError) {
        alive.delete(thread)
        if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1)
        asked?.reject(answer)
      } else {
        idle.push(thread)
        if ('error' in answer)
          asked?.reject(new FulcrumError('model', answer.error.message, answer.error.hint))
        else asked?.resolve(answer.value)
      }
      next()
    })
    alive.add(thread)
    idle.push(thread)
  }
  const give = (thread: Thread, asked: Asked): void => {
    running.set(thread, asked)
    thread.stop[0] = 0
    // A thread with work keeps the process alive; an idle one does not.
    thread.worker.ref()
    thread.worker.postMessage(asked.request)
  }
  const giveUp = (asked: Asked): void => {
    if (queue.includes(asked)) queue.splice(queue.indexOf(asked), 1)
    for (const [thread, its] of running) if (its === asked) thread.stop[0] = 1
  }
  return {
    ask: (request, signal) =>
      abortable(request, signal, giveUp, (asked) => {
        queue.push(asked)
        next()
      }),
    close: async () => {
      await Promise.all([...alive].map(({ worker }) => worker.terminate()))
    },
  }
}

/** A request put in by `begin`; when the signal aborts it is given up and rejects at once. */
function abortable(
  request: WorkerRequest,
  signal: AbortSignal | undefined,
  giveUp: (asked: Asked) => void,
  begin: (asked: Asked) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const aborted = (): void => {
      giveUp(asked)
      reject(signal?.reason as Error)
    }
    const settled =
      <T>(settle: (value: T) => void) =>
      (value: T): void => {
        signal?.removeEventListener('abort', aborted)
        settle(value)
      }
    const asked: Asked = { request, resolve: settled(resolve), reject: settled(reject) }
    signal?.addEventListener('abort', aborted, { once: true })
    begin(asked)
  })
}

/** Every answer of a thread, the last one being the error that it ended with. */
function startThread(folders: ModelFolders, answered: (answer: WorkerAnswer | FulcrumError) => void): Thread {
  const stop = new Int32Array(new SharedArrayBuffer(4))
  const worker = startWorker({ ...folders, stop })
  let over = false
  const failed = (reason: unknown): void => {
    if (!over) answered(ended(folders.folder, reason))
    over = true
  }
  worker.unref()
  worker.on('message', answered).on('error', failed).on('exit', failed)
  return { worker, stop }
}

function ended(folder: string, reason: unknown): FulcrumError {
  const why = reason instanceof Error ? reason.message : `exit code ${String(reason)}`
  return new FulcrumError(
    'model',
    `A sampling thread for ${folder} ended: ${why}`,
    'Run the same command again; if it repeats, lower the batch.',
    reason,
  )
}

/** From source, Node 20 does not carry the TypeScript loader of the tests into a thread: it is registered there. */
function startWorker(workerData: WorkerData): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./local-worker.js', import.meta.url), { workerData })
  const loader = import.meta.resolve('tsx/esm/api')
  const module = new URL('./local-worker.ts', import.meta.url).href
  const code = `import('${loader}').then(({ register }) => { register(); return import('${module}') })`
  return new Worker(code, { eval: true, workerData })
}
