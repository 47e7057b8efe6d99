import type { QuickJSWASMModule } from 'quickjs-emscripten-core'
import { callFailure, outputFailure, readReply } from '../reply.ts'
import type { Limits } from '../sandbox/limits.ts'
import { type CallTest, failed, type Outcome, passed, type StdinTest, type Suite, unknown } from '../suite.ts'
import { type Json, toWire } from '../wire.ts'
import { openRealm, type Realm } from './realm.ts'
import { checkerSource } from './realm-source.ts'

/** Runs a JavaScript program through its tests in realms of one WASM module, made for it alone. What is expected never enters
 *  the program's realm; assertions run in a realm of their own, which the program can only answer. */
export function judgeJavaScript(
  quickjs: QuickJSWASMModule,
  source: string,
  suite: Suite,
  limits: Limits,
): Outcome {
  const program = withoutExports(source)
  const inputs = suite.tests.flatMap((test, i) => ('stdin' in test ? [{ test, i }] : []))
  if (inputs.length < suite.tests.length) {
    const realm = openRealm(quickjs, limits)
    const raised = realm.run(program)
    const ended = endOf(realm)
    if (ended !== null) return ended
    if (raised !== null) return failed(`the program does not run: ${raisedText(raised)}`)
    const outcome = judgeCalls(realm, suite)
    if (outcome.verdict !== 'equal') return outcome
    const asserted = judgeAssertions(quickjs, realm, suite, limits)
    if (asserted.verdict !== 'equal') return asserted
  }
  for (const { test, i } of inputs) {
    const outcome = judgeOutput(openRealm(quickjs, limits, test.stdin), program, test)
    if (outcome.verdict !== 'equal') return at(i, outcome)
  }
  return passed
}

function judgeCalls(realm: Realm, suite: Suite): Outcome {
  for (const [i, test] of suite.tests.entries()) {
    if (!('args' in test) && !('call' in test)) continue
    const reply = readReply(ask(realm, test, suite.entry_point))
    const ended = endOf(realm)
    if (ended !== null) return at(i, ended)
    if (reply === null) return at(i, failed('the program wrote over its answers'))
    const failure = callFailure(test, reply, suite.tolerance)
    if (failure !== null) return at(i, failed(failure))
  }
  return passed
}

const ask = (realm: Realm, test: CallTest, entryPoint: string | undefined): string =>
  'call' in test
    ? realm.reply(test.call)
    : realm.reply(nameIn(entryPoint ?? ''), JSON.stringify(test.args.map((each) => toWire(each as Json))))

/** A name of the program: of its scripts, or of what it exports. */
const nameIn = (name: string): string => `typeof ${name} === 'undefined' ? module.exports.${name} : ${name}`

function judgeAssertions(quickjs: QuickJSWASMModule, realm: Realm, suite: Suite, limits: Limits): Outcome {
  if (!suite.tests.some((test) => 'assert' in test)) return passed
  const names = [...(suite.entry_point === undefined ? [] : [suite.entry_point]), ...(suite.names ?? [])]
  const checker = openRealm(quickjs, limits)
  checker.equip(checkerSource, (name = '', args = '[]') => realm.reply(nameIn(name), args), names.join(' '))
  const broken = checker.run(suite.setup ?? '')
  if (broken !== null) return unknown(`the tests do not run: ${raisedText(broken)}`)
  for (const [i, test] of suite.tests.entries()) {
    if (!('assert' in test)) continue
    const raised = checker.run(`{${test.assert}\n}`)
    const ended = endOf(realm)
    if (ended !== null) return at(i, ended)
    if (checker.stopped() !== null) return unknown(`test ${i + 1} does not end`)
    if (raised === null) continue
    const text = raisedText(raised)
    const ours = /^(Syntax|Reference)Error/.test(text) && !text.includes('the program has no')
    return ours ? unknown(`test ${i + 1} does not run: ${text}`) : at(i, failed(text))
  }
  return passed
}

function judgeOutput(realm: Realm, program: string, test: StdinTest): Outcome {
  const raised = realm.run(program)
  const ended = endOf(realm)
  if (ended !== null) return ended
  if (raised !== null && raisedText(raised) !== 'Error exit 0')
    return failed(`it raised ${raisedText(raised)}`)
  const failure = outputFailure(test, realm.printed())
  return failure === null ? passed : failed(failure)
}

function endOf(realm: Realm): Outcome | null {
  const stopped = realm.stopped()
  if (stopped === null) return null
  return failed(stopped === 'late' ? 'the program takes too long' : 'the program prints too much')
}

const at = (i: number, { verdict, reason }: Outcome): Outcome => ({
  verdict,
  reason: `test ${i + 1}: ${reason ?? ''}`,
})

function raisedText(reply: string): string {
  const read = readReply(reply)
  return read !== null && 'raised' in read ? `${read.raised} ${read.text}`.trim().slice(0, 200) : 'Error'
}

/** A module as a script: what it exports stays, the word goes. */
const withoutExports = (source: string): string =>
  source
    .replace(
      /^[ \t]*export[ \t]+(?:default[ \t]+)?(?=(?:async[ \t]+)?(?:function|class|const|let|var)\b)/gm,
      '',
    )
    .replace(/^[ \t]*export[ \t]+(?:default[ \t]+[\w$]+|\{[^}]*\})[ \t]*;?[ \t]*$/gm, '')
