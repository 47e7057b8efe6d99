import { parentPort } from 'node:worker_threads'
import { newQuickJSWASMModuleFromVariant } from 'quickjs-emscripten-core'
import type { Limits } from '../sandbox/limits.ts'
import { failed, type Outcome, type Suite, unknown } from '../suite.ts'
import { judgeJavaScript } from './judge.ts'

export interface JavaScriptTask {
  readonly program: string
  readonly suite: Suite
  readonly limits: Limits
}

parentPort?.on('message', (task: JavaScriptTask) => {
  void judge(task).then((outcome) => parentPort?.postMessage(outcome))
})

/** A module for each program: what one does to its memory, no other sees. */
async function judge({ program, suite, limits }: JavaScriptTask): Promise<Outcome> {
  try {
    const quickjs = await newQuickJSWASMModuleFromVariant(import('@jitl/quickjs-wasmfile-release-sync'))
    return judgeJavaScript(quickjs, program, suite, limits)
  } catch (error) {
    // A trap, or the end of this thread's stack: nothing but the program brings them about.
    if (error instanceof Error && ['RuntimeError', 'RangeError'].includes(error.name))
      return failed(`the program breaks its interpreter: ${error.message}`)
    return unknown(
      `the interpreter fails: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`,
    )
  }
}
