import { Worker } from 'node:worker_threads'
import { z } from 'zod'
import { FulcrumError } from '../errors.ts'
import { textVerifiers, type TextVerifierName } from './text-verifiers.ts'
import type { WorkerMessage, WorkerRequest } from './text-worker.ts'
import type { Verification, Verifier } from './verifier.ts'

const optionsSchema = z.object({
  timeoutMs: z.int().min(1).default(5000).describe('longest time a comparison may take'),
  memoryMb: z.int().min(16).default(256).describe('heap of a thread'),
  size: z.int().min(1).max(256).default(2).describe('threads'),
})
export type WorkerOptions = z.input<typeof optionsSchema>

/** A rule of this room by its name, or a verifier that a module exports. */
export type WorkerRule = TextVerifierName | { readonly module: string; readonly export: string }

/** A rule run in threads. One that does not answer in time, or wants more memory, is ended and replaced, and its pair is
 *  unparsed: the only verdicts that depend on the machine. (Of a module of yours: V8 ends the whole process where one single
 *  allocation is larger than what a thread has left. The rules of this room have no such one.) Every other one is what the rule says in this thread. */
export async function inWorkers(rule: WorkerRule, options: WorkerOptions = {}): Promise<Verifier> {
  const limits = optionsSchema.parse(options)
  const waiting: Asked[] = []
  const threads = new Set<Thread>()
  const idle: Thread[] = []
  let closed = false

  const next = (): void => {
    while (waiting.length > 0) {
      const thread = idle.pop()
      if (thread === undefined) {
        if (threads.size < limits.size) add()
        return
      }
      thread.ask(waiting.shift() as Asked)
    }
  }
  const add = (): Thread => {
    const thread = startThread(rule, limits, {
      free: () => {
        idle.push(thread)
        next()
      },
      gone: (failed) => {
        threads.delete(thread)
        if (idle.includes(thread)) idle.splice(idle.indexOf(thread), 1)
        if (failed !== null) for (const { reject } of waiting.splice(0)) reject(failed)
        else if (!closed) next()
      },
    })
    threads.add(thread)
    return thread
  }

  const id = typeof rule === 'string' ? textVerifiers[rule].id : await add().id
  return {
    id,
    verify: (completion, answer, problem) =>
      new Promise<Verification>((resolve, reject) => {
        if (closed) {
          reject(new FulcrumError('verify', `The verifier ${id} is closed`, 'Open it again.'))
          return
        }
        waiting.push({ request: { completion, answer, problem }, resolve, reject })
        next()
      }),
    close: async () => {
      closed = true
      for (const { resolve } of waiting.splice(0)) resolve(unparsed('the verifier was closed'))
      await Promise.all([...threads].map((thread) => thread.end()))
    },
  }
}

interface Asked {
  readonly request: WorkerRequest
  readonly resolve: (verification: Verification) => void
  readonly reject: (error: FulcrumError) => void
}

interface Thread {
  /** Of its verifier, when it is ready. */
  readonly id: Promise<string>
  readonly ask: (asked: Asked) => void
  readonly end: () => Promise<unknown>
}

interface Events {
  /** It is ready for a pair. */
  readonly free: () => void
  /** It has ended; with an error if it never began. */
  readonly gone: (failed: FulcrumError | null) => void
}

type Limits = z.output<typeof optionsSchema>

function startThread(rule: WorkerRule, limits: Limits, { free, gone }: Events): Thread {
  const worker = startWorker(rule, limits.memoryMb)
  let asked: Asked | null = null
  let timer: NodeJS.Timeout | undefined
  let [ready, over] = [false, false]
  let begin: { resolve: (id: string) => void; reject: (error: FulcrumError) => void } | undefined
  const id = new Promise<string>((resolve, reject) => (begin = { resolve, reject }))
  // Whoever waits for it hears of it; with a rule of this room nobody does.
  id.catch(() => undefined)
  const answer = (verification: Verification): void => {
    clearTimeout(timer)
    const last = asked
    asked = null
    last?.resolve(verification)
  }
  const ended = (reason: string): void => {
    if (over) return
    over = true
    answer(unparsed(reason))
    const failed = ready ? null : couldNotStart(rule, reason)
    if (failed !== null) begin?.reject(failed)
    gone(failed)
  }
  worker.on('message', (message: WorkerMessage) => {
    if (over) return
    if ('id' in message) {
      ready = true
      begin?.resolve(message.id)
    } else answer(message.verification)
    // A thread with nothing to do keeps no process alive.
    worker.unref()
    free()
  })
  worker.on('error', (error: NodeJS.ErrnoException) =>
    ended(
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? `needed more than ${limits.memoryMb} MB`
        : `its thread ended: ${error.message}`,
    ),
  )
  worker.on('exit', (code) => ended(`its thread ended with code ${code}`))
  return {
    id,
    ask: (next) => {
      asked = next
      worker.ref()
      timer = setTimeout(() => {
        ended(`took longer than ${limits.timeoutMs} ms`)
        void worker.terminate()
      }, limits.timeoutMs)
      worker.postMessage(next.request)
    },
    end: () => {
      ended('the verifier was closed')
      return worker.terminate()
    },
  }
}

const unparsed = (reason: string): Verification => ({ verdict: 'unparsed', extracted: null, reason })

function couldNotStart(rule: WorkerRule, reason: string): FulcrumError {
  const name = typeof rule === 'string' ? rule : `${rule.export} of ${rule.module}`
  return new FulcrumError(
    'verify',
    `The verifier ${name} could not start: ${reason}`,
    'Check its module and memoryMb.',
  )
}

/** From source, Node 20 does not carry the TypeScript loader of the tests into a thread: it is registered there. */
function startWorker(workerData: WorkerRule, memoryMb: number): Worker {
  const settings = { workerData, resourceLimits: { maxOldGenerationSizeMb: memoryMb } }
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./text-worker.js', import.meta.url), settings)
  const loader = import.meta.resolve('tsx/esm/api')
  const module = new URL('./text-worker.ts', import.meta.url).href
  const code = `import('${loader}').then(({ register }) => { register(); return import('${module}') })`
  return new Worker(code, { eval: true, ...settings })
}
