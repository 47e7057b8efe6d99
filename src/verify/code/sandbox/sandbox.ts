import { FulcrumError } from '../../../errors.ts'
import { bareCommand, bubblewrapCommand } from './bubblewrap.ts'
import { findPython } from './interpreter.ts'
import type { Limits } from './limits.ts'
import { startProcess, type Talk } from './process.ts'
import { selfTest } from './self-test.ts'

/** A place to run Python programs. */
export interface Sandbox {
  /** `bubblewrap`, or `none` where programs run as the caller. */
  readonly walls: 'bubblewrap' | 'none'
  /** Of the interpreter, `3.11.7`. */
  readonly version: string
  /** Runs a script, the first of the arguments, in a process of its own. */
  start(script: readonly string[], limits: Limits): Talk
}

export interface SandboxOptions {
  /** Name or path of the interpreter. */
  readonly python: string
  /** Runs programs without walls where none can be had. */
  readonly unsafeExec: boolean
}

/** A sandbox that has just held against a battery of escapes. Without one, refuses, or takes none at all if told so. */
export async function openSandbox({ python, unsafeExec }: SandboxOptions): Promise<Sandbox> {
  const interpreter = await findPython(python)
  const { version } = interpreter
  if (unsafeExec)
    return {
      walls: 'none',
      version,
      start: (script, most) => startProcess(bareCommand(interpreter, most), script, most),
    }
  const sandbox: Sandbox = {
    walls: 'bubblewrap',
    version,
    start: (script, most) => startProcess(bubblewrapCommand(interpreter, most, 4), script, most),
  }
  const hole = await selfTest(sandbox)
  if (hole === null) return sandbox
  throw new FulcrumError(
    'verify',
    `The sandbox for Python programs does not hold: ${hole}`,
    'Run where bubblewrap may make namespaces (a container wants CAP_SYS_ADMIN or unprivileged user namespaces), or accept that programs run as you do: --unsafe-exec.',
  )
}
