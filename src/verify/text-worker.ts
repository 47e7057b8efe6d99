import { parentPort, workerData } from 'node:worker_threads'
import { textVerifiers } from './text-verifiers.ts'
import type { Verification, Verifier } from './verifier.ts'
import type { WorkerRule } from './workers.ts'

/** What a thread is asked. */
export interface WorkerRequest {
  readonly completion: string
  readonly answer: string
  readonly problem: string
}

/** Its name once it is ready, then one answer a request. */
export type WorkerMessage = { readonly id: string } | { readonly verification: Verification }

const rule = workerData as WorkerRule
const verifier =
  typeof rule === 'string'
    ? textVerifiers[rule]
    : ((await import(rule.module)) as Readonly<Record<string, Verifier>>)[rule.export]
if (verifier === undefined) throw new Error(`the module has no export of this name`)

parentPort?.on('message', ({ completion, answer, problem }: WorkerRequest) => {
  void Promise.resolve(verifier.verify(completion, answer, problem)).then((verification) =>
    post({ verification }),
  )
})
post({ id: verifier.id })

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message)
}
