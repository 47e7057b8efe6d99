import { z } from 'zod'
import type { CallTest, StdinTest } from './suite.ts'
import { type Json, matches, show } from './wire.ts'

/** What a program answers to one request. */
export type Reply =
  { readonly value: Json } | { readonly raised: string; readonly text: string } | { readonly missing: true }

const replySchema = z.union([
  z.object({ value: z.unknown() }),
  z.object({ raised: z.string(), text: z.string() }),
  z.object({ missing: z.literal(true) }),
])

/** A line from inside, which may be anything; null if it is no reply. */
export function readReply(line: string): Reply | null {
  if (deepest(line) > 400) return null
  try {
    const reply = replySchema.parse(JSON.parse(line))
    return 'value' in reply && reply.value === undefined ? null : (reply as Reply)
  } catch {
    return null
  }
}

/** Why the reply is not what the test expects, short; null if it is. */
export function callFailure(test: CallTest, reply: Reply, tolerance: number): string | null {
  if ('missing' in reply) return 'the program does not define the entry point'
  if ('raised' in reply) {
    if (test.raises === reply.raised) return null
    return `${shownCall(test)} raised ${reply.raised} ${reply.text}`.trim().slice(0, 200)
  }
  if (test.raises !== undefined) return `${shownCall(test)} raised no ${test.raises}`
  if (matches(test.expected as Json, reply.value, tolerance)) return null
  return `${shownCall(test)} gave ${show(reply.value)}`
}

/** Why what was printed is not what the test expects; null if it is. White space at the ends of lines and of the text does
 *  not count; nothing else is forgiven. */
export function outputFailure({ stdout }: StdinTest, printed: string): string | null {
  const [wanted, found] = [trimmed(stdout), trimmed(printed)]
  if (wanted.join('\n') === found.join('\n')) return null
  const at = wanted.findIndex((line, i) => line !== found[i])
  const line = at < 0 ? wanted.length : at
  return `line ${line + 1} of the output is ${JSON.stringify((found[line] ?? '').slice(0, 80))}`
}

const shownCall = (test: CallTest): string => {
  if ('call' in test) return test.call.slice(0, 80)
  return `f(${test.args.map((each) => show(each as Json)).join(', ')})`.slice(0, 80)
}

const trimmed = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd()
    .split('\n')

/** Brackets open at once, strings not told apart: an upper bound. */
function deepest(line: string): number {
  let [depth, most] = [0, 0]
  for (let i = 0; i < line.length; i++) {
    const sign = line.charCodeAt(i)
    if (sign === 91 || sign === 123) most = Math.max(most, ++depth)
    else if (sign === 93 || sign === 125) depth--
  }
  return most
}
