import type { QuickJSContext, QuickJSHandle, QuickJSWASMModule } from 'quickjs-emscripten-core'
import type { Limits } from '../sandbox/limits.ts'
import { realmSource } from './realm-source.ts'

/** A "second" of a realm: the interpreter asks whether to go on after 10,000 jumps and calls, which takes it 50 us at least.
 *  Counted and not timed, so that a program is too slow on every machine or on none; the clock ends what asks too seldom. */
const asksASecond = 10_000
/** What a hundred settled promises cost, in asks. */
const asksAHundredJobs = 10
/** Of the interpreter's own stack, bytes: the WASM stack of the build is 1 MiB. */
const stackBytes = 700_000

/** Why a realm was stopped. */
type Stopped = 'late' | 'flood' | null

/** A JavaScript interpreter with its own heap, which has the language and nothing else of the machine. Its memory goes with the
 *  WASM module: handles need no care. */
export interface Realm {
  readonly stopped: () => Stopped
  /** All that was printed. */
  readonly printed: () => string
  /** Runs a source text; the JSON text of what it raised, or null. */
  run(source: string): string | null
  /** The reply, as JSON text, of an expression or of a call with arguments as JSON text; of a promise once it is settled. */
  reply(expression: string, args?: string): string
  /** Gives a function of another source text this realm's tools, functions of ours and texts. */
  equip(source: string, ask: (...args: string[]) => string, ...texts: string[]): void
}

export function openRealm(quickjs: QuickJSWASMModule, limits: Limits, input = ''): Realm {
  const runtime = quickjs.newRuntime()
  runtime.setMemoryLimit(limits.memoryBytes)
  runtime.setMaxStackSize(stackBytes)
  let asks = limits.cpuSeconds * asksASecond
  const state = { stopped: null as Stopped, printed: [] as string[], length: 0 }
  const spend = (some: number): boolean => {
    asks -= some
    if (asks < 0) state.stopped ??= 'late'
    return state.stopped !== null
  }
  runtime.setInterruptHandler(() => spend(1))
  const context = runtime.newContext()
  const hear = context.newFunction('hear', (text) => {
    const heard = context.getString(text)
    state.length += heard.length
    if (state.length > limits.outputBytes) state.stopped ??= 'flood'
    else state.printed.push(heard)
  })
  const made = context.unwrapResult(context.evalCode(realmSource, 'realm.js'))
  const args = [hear, context.newString(input), context.newNumber(limits.outputBytes)]
  const tools = context.unwrapResult(context.callFunction(made, context.undefined, args))
  const use = (name: string, ...given: QuickJSHandle[]): string => {
    const tool = context.getProp(tools, name)
    return textOf(context, context.callFunction(tool, context.undefined, given))
  }
  const finish = (): void => {
    // A job that raises ends only itself.
    while (state.stopped === null && runtime.hasPendingJob()) {
      runtime.executePendingJobs(100).dispose()
      spend(asksAHundredJobs)
    }
  }
  return {
    stopped: () => state.stopped,
    printed: () => state.printed.join(''),
    run(source) {
      const result = context.evalCode(source, 'program.js', { type: 'global' })
      const raised = result.error === undefined ? null : use('raised', result.error)
      if (raised === null) finish()
      return raised
    },
    reply(expression, given) {
      const result = context.evalCode(expression, 'test.js', { type: 'global' })
      if (result.error !== undefined)
        return given === undefined ? use('raised', result.error) : '{"missing":true}'
      const said =
        given === undefined ? use('value', result.value) : use('call', result.value, context.newString(given))
      finish()
      return said === '' ? use('settled') : said
    },
    equip(source, ask, ...texts) {
      const equip = context.unwrapResult(context.evalCode(source, 'checker.js'))
      const asking = context.newFunction('ask', (...handles) =>
        context.newString(ask(...handles.map((handle) => context.getString(handle)))),
      )
      const given = [tools, asking, ...texts.map((text) => context.newString(text))]
      context.unwrapResult(context.callFunction(equip, context.undefined, given))
    },
  }
}

const broken = '{"raised":"InternalError","text":"interrupted or out of memory"}'

function textOf(context: QuickJSContext, result: ReturnType<QuickJSContext['callFunction']>): string {
  if (result.error !== undefined || context.typeof(result.value) !== 'string') return broken
  return context.getString(result.value)
}
