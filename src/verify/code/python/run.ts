import type { Limits } from '../sandbox/limits.ts'
import type { Ending, Talk } from '../sandbox/process.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import { type CallTest, failed, type Outcome, passed, type StdinTest, type Suite, unknown } from '../suite.ts'
import { type Json, toWire } from '../wire.ts'
import { callFailure, outputFailure, readReply, type Reply } from '../reply.ts'
import { checkerPython } from './checker.ts'
import { playerPython } from './player.ts'

/** Runs a Python program through its tests. Nothing expected goes into its sandbox: what it answers and prints comes out and
 *  is compared here; assertions run in a second sandbox, to which the program can only answer calls. */
export async function runPython(
  program: string,
  suite: Suite,
  sandbox: Sandbox,
  limits: Limits,
): Promise<Outcome> {
  const stdin = suite.tests.flatMap((test, i) => ('stdin' in test ? [{ test, i }] : []))
  if (stdin.length < suite.tests.length) {
    const outcome = await withPlayer(program, suite, sandbox, limits)
    if (outcome.verdict !== 'equal') return outcome
  }
  for (const { test, i } of stdin) {
    const outcome = await runOnInput(program, test, i, sandbox, limits)
    if (outcome.verdict !== 'equal') return outcome
  }
  return passed
}

async function withPlayer(program: string, suite: Suite, sandbox: Sandbox, limits: Limits): Promise<Outcome> {
  const player = sandbox.start([playerPython], limits)
  try {
    const loaded = await ask(player, { program })
    if (loaded.outcome !== undefined) return loaded.outcome
    if ('raised' in loaded.reply) return failed(`the program does not run: ${loaded.reply.raised}`)
    for (const [i, test] of suite.tests.entries()) {
      if (!('args' in test) && !('call' in test)) continue
      const { reply, outcome } = await ask(player, request(test, suite.entry_point))
      if (outcome !== undefined) return named(i, outcome)
      const failure = callFailure(test, reply, suite.tolerance)
      if (failure !== null) return failed(`test ${i + 1}: ${failure}`)
    }
    return await checkAssertions(player, suite, sandbox, limits)
  } finally {
    player.kill()
    await player.ended
  }
}

const request = (test: CallTest, entryPoint: string | undefined): Json => {
  if ('call' in test) return { run: test.call }
  const keywords = Object.entries(test.keywords ?? {}).map(
    ([key, each]) => [key, toWire(each as Json)] as const,
  )
  return {
    call: entryPoint ?? '',
    args: test.args.map((each) => toWire(each as Json)),
    keywords: Object.fromEntries(keywords),
  }
}

/** The reply, or the end of the run. */
type Asked =
  | { readonly reply: Reply; readonly outcome?: undefined }
  | { readonly reply?: undefined; readonly outcome: Outcome }

async function ask(player: Talk, message: Json): Promise<Asked> {
  player.send(JSON.stringify(message))
  const line = await player.line()
  if (typeof line !== 'string') return { outcome: endingOutcome(line) }
  const reply = readReply(line)
  return reply === null ? { outcome: failed('the program wrote over its answers') } : { reply }
}

/** The last line of the checker. */
interface CheckerEnd {
  readonly passed?: number
  readonly failed?: number
  readonly text?: string
  readonly trouble?: string
}

async function checkAssertions(
  player: Talk,
  suite: Suite,
  sandbox: Sandbox,
  limits: Limits,
): Promise<Outcome> {
  const places = suite.tests.flatMap((test, i) => ('assert' in test ? [i] : []))
  if (places.length === 0) return passed
  const tests = suite.tests.flatMap((test) => ('assert' in test ? [test.assert] : []))
  const names = suite.entry_point === undefined ? null : [suite.entry_point, ...(suite.names ?? [])]
  const checker = sandbox.start([checkerPython], limits)
  try {
    checker.send(JSON.stringify({ setup: suite.setup ?? '', tests, names }))
    for (;;) {
      const line = await checker.line()
      if (typeof line !== 'string') return checkerEnded(line)
      const end = line.startsWith('!') ? (JSON.parse(line.slice(1)) as CheckerEnd) : {}
      if (end.trouble !== undefined) return unknown(end.trouble)
      if (end.passed === tests.length) return passed
      if (end.failed !== undefined) return failed(`test ${(places[end.failed] ?? 0) + 1}: ${end.text ?? ''}`)
      // As it is: 3.0 read and written here would become 3.
      player.send(line.slice(1))
      const answer = await player.line()
      if (typeof answer !== 'string') return endingOutcome(answer)
      checker.send(answer)
    }
  } finally {
    checker.kill()
    await checker.ended
  }
}

async function runOnInput(
  program: string,
  test: StdinTest,
  i: number,
  sandbox: Sandbox,
  limits: Limits,
): Promise<Outcome> {
  const process = sandbox.start([mainPython, program], limits)
  process.finish(test.stdin)
  const ending = await process.ended
  if (ending.how !== 'exit') return named(i, endingOutcome(ending))
  if (ending.status !== 0) return failed(`test ${i + 1}: ${statusText(ending)}`)
  const failure = outputFailure(test, ending.output)
  return failure === null ? passed : failed(`test ${i + 1}: ${failure}`)
}

/** Runs the program given as an argument as the interpreter would run a file. */
const mainPython = String.raw`
import os, sys
os.write(3, b'+')
os.close(3)
sys.argv = ['main.py', sys.argv[1]]
exec(compile(sys.argv.pop(), 'main.py', 'exec'), {'__name__': '__main__', '__builtins__': __builtins__})
`

function endingOutcome(ending: Ending): Outcome {
  if (ending.how === 'never') return unknown(`the sandbox did not start: ${lastLine(ending.errors)}`)
  if (ending.how === 'late') return failed('the program takes too long')
  if (ending.how === 'flood') return failed('the program prints too much')
  return failed(statusText(ending))
}

/** The tests of a data set are not the program's fault. */
const checkerEnded = ({ how, status, errors }: Ending): Outcome =>
  unknown(`the tests do not end: ${how === 'exit' ? `status ${status} ${lastLine(errors)}` : how}`)

function statusText({ status, errors }: Ending): string {
  if (status === 128 + 9 || status === 128 + 24) return 'the program takes too long'
  return status === 0
    ? 'the program ends before it answers'
    : `the program ends with status ${status} ${lastLine(errors)}`.trim()
}

const lastLine = (text: string): string => (text.trim().split('\n').at(-1) ?? '').slice(0, 200)
const named = (i: number, { verdict, reason }: Outcome): Outcome => ({
  verdict,
  reason: `test ${i + 1}: ${reason ?? ''}`,
})
