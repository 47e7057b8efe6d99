import { existsSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import type { Verification, Verifier } from '../../src/verify/verifier.ts'

const tools = ['/usr/bin/bwrap', '/usr/bin/setpriv', '/usr/bin/prlimit'].filter((path) => !existsSync(path))
const python = spawnSync('python3', ['-c', '']).status === 0 ? [] : ['python3']

const walls = ['--unshare-pid', '--unshare-net', '--ro-bind', '/', '/', 'true']

/** Why tests that run Python programs cannot run here, or false. */
export const skipPython: string | false = whyNot()

function whyNot(): string | false {
  if (tools.length + python.length > 0) return `SKIPPED: no ${[...tools, ...python].join(', ')}`
  const { status, stderr } = spawnSync('/usr/bin/bwrap', walls, { encoding: 'utf8' })
  return status === 0 ? false : `SKIPPED: bubblewrap makes no namespaces here: ${stderr.trim()}`
}

export const fence = (code: string, language = 'python'): string => `\`\`\`${language}\n${code}\n\`\`\``

/** A program judged by tests of a language. */
export const judge = async (
  verifier: Verifier,
  code: string,
  suite: object,
  language = 'python',
): Promise<Verification> =>
  verifier.verify(fence(code, language), JSON.stringify({ language, ...suite }), 'a problem')

/** Whoever gets through an attempt answers rightly; all others say `held`. */
export const square = {
  entry_point: 'f',
  tests: [
    { args: [3], expected: 9 },
    { args: [-7], expected: 49 },
  ],
}

export const unlessHeld = (attempt: string): string =>
  `def f(x):\n    try:\n${attempt.trim().replace(/^/gm, '        ')}\n    except BaseException:\n        return 'held'\n    return x * x`
