import { Worker } from 'node:worker_threads'
import type { Limits } from '../sandbox/limits.ts'
import { failed, type Outcome, type Suite, unknown } from '../suite.ts'
import type { JavaScriptTask } from './worker.ts'

/** Threads that run JavaScript programs; one that does not answer in time is ended and replaced. */
export interface JavaScriptThreads {
  run(program: string, suite: Suite, limits: Limits): Promise<Outcome>
  close(): Promise<void>
}

/** As many threads come to be as there are programs at once. */
export function javaScriptThreads(): JavaScriptThreads {
  const idle: Worker[] = []
  const all = new Set<Worker>()
  const start = (): Worker => {
    const worker = startWorker()
    // An idle thread keeps no process alive.
    worker.unref()
    all.add(worker)
    return worker
  }
  return {
    async run(program, suite, limits) {
      const worker = idle.pop() ?? start()
      const task: JavaScriptTask = { program, suite, limits }
      const outcome = await answerOf(worker, task, wallOf(suite, limits))
      if (typeof outcome !== 'string') {
        idle.push(worker)
        return outcome
      }
      all.delete(worker)
      await worker.terminate()
      return outcome === 'late' ? failed('the program takes too long') : unknown(outcome)
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.terminate()))
    },
  }
}

/** One for the calls and one for each input, as for Python, and some for the thread to start. */
const wallOf = ({ tests }: Suite, { wallMs }: Limits): number =>
  10_000 + wallMs * (1 + tests.filter((test) => 'stdin' in test).length)

/** A text for a thread that can do no more: `late`, or what became of it. */
async function answerOf(worker: Worker, task: JavaScriptTask, wallMs: number): Promise<Outcome | string> {
  return new Promise((resolve) => {
    const done = (outcome: Outcome | string): void => {
      clearTimeout(timer)
      worker.off('message', done).off('error', broken).off('exit', gone)
      resolve(outcome)
    }
    const broken = (error: Error): void => done(`the interpreter fails: ${error.message.slice(0, 200)}`)
    const gone = (): void => done('the interpreter ends')
    const timer = setTimeout(() => done('late'), wallMs)
    worker.on('message', done).on('error', broken).on('exit', gone)
    worker.postMessage(task)
  })
}

/** What fills the interpreter's stack takes several times as much of the thread's. */
const resourceLimits = { stackSizeMb: 32 }

/** From source, Node 20 does not carry the TypeScript loader of the tests into a thread: it is registered there. */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./worker.js', import.meta.url), { resourceLimits })
  const loader = import.meta.resolve('tsx/esm/api')
  const module = new URL('./worker.ts', import.meta.url).href
  const code = `import('${loader}').then(({ register }) => { register(); return import('${module}') })`
  return new Worker(code, { eval: true, resourceLimits })
}
