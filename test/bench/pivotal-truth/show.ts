/** Prints what the student's pivotal tokens look like, for docs/pivots.md: `npx tsx test/bench/pivotal-truth/show.ts`. First the
 *  kinds of its open tokens by their true changes, then what the stage confirms and certifies in the same traces. */
import { setMaxListeners } from 'node:events'
import { localModel } from '../../../src/model/local.ts'
import { findPivotalTokens } from '../../../src/stages/pivotal/find-pivotal-tokens.ts'
import { locate } from '../../../src/store/bundled.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { pivotsOf } from '../../stages/pivots-of.ts'
import { changeAt, gap, readTruth, rule, type TrueTrace, valueAt } from './truth.ts'

// Every request under way listens for the end of the run.
setMaxListeners(0)
const { traces } = readTruth()
const student = await localModel(locate('datasets/models/student'))

console.log(
  `squared changes of the open tokens of a trace ${share(mean(squared), 3)}, p (1 - p) ${share(mean(variance), 3)}\n`,
)
console.log('| what the token is | open | pivotal | of these raise p | mean change of a pivotal one |')
console.log('|---|---|---|---|---|')
for (const [kind, changes] of byKind()) {
  const pivotal = changes.filter((change) => Math.abs(change) >= gap)
  const size = pivotal.reduce((sum, change) => sum + Math.abs(change), 0) / pivotal.length
  const up = pivotal.filter((change) => change > 0).length
  console.log(`| ${kind} | ${changes.length} | ${pivotal.length} | ${up} | ${share(size)} |`)
}

const stage = findPivotalTokens({
  ...{ student, verifier: numericAnswer, mode: 'thorough', gap },
  ...rule,
})
const rows = traces.map(({ id, problem, answer, text, trace }) => ({
  ...{ id, problem, answer, trace_id: id, completion: text, completion_ids: trace },
  teacher_model: student.id,
}))
const { kept, counters } = await pivotsOf(stage, rows)
console.log(`\n${JSON.stringify(counters)}\n`)
console.log('| problem | so far | token | chosen | rejected | p before and after | true change |')
console.log('|---|---|---|---|---|---|---|')
for (const row of kept as unknown as readonly Found[]) {
  const trace = traces.find(({ id }) => id === row.trace_id) as TrueTrace
  if (!row.confirmed) continue
  const change = changeAt(trace, row.position)
  const soFar = student.tokenizer?.decode(trace.trace.slice(0, row.position)).trim() ?? ''
  const p = `${share(row.prob_before)} to ${share(row.prob_after)}`
  const tokens = [row.pivot_token, row.chosen_token, row.rejected_token].map(code)
  console.log(`| ${trace.problem} | ${code(soFar)} | ${tokens.join(' | ')} | ${p} | ${share(change)} |`)
}
await student.close()

interface Found {
  readonly trace_id: string
  readonly position: number
  readonly confirmed: boolean
  readonly pivot_token: string
  readonly chosen_token: string | null
  readonly rejected_token: string | null
  readonly prob_before: number
  readonly prob_after: number
}

function squared({ changes }: TrueTrace): number {
  return changes.reduce((sum, { change }) => sum + change ** 2, 0)
}

function variance(trace: TrueTrace): number {
  return valueAt(trace, 0) * (1 - valueAt(trace, 0))
}

function mean(of: (trace: TrueTrace) => number): number {
  return traces.reduce((sum, trace) => sum + of(trace), 0) / traces.length
}

/** True changes of the tokens that log-probabilities leave open. */
function byKind(): Map<string, number[]> {
  const kinds = new Map<string, number[]>()
  for (const trace of traces)
    for (const { at, change } of trace.changes) {
      const before = student.tokenizer?.decode(trace.trace.slice(0, at)) ?? ''
      const kind = kindOf(student.tokenizer?.decode(trace.trace.slice(at, at + 1)) ?? '', before)
      kinds.set(kind, [...(kinds.get(kind) ?? []), change])
    }
  return kinds
}

function kindOf(token: string, before: string): string {
  if (/[a-z]/.test(token)) return `way of working: \`${token.trim()}\``
  if (!/\d/.test(token)) return `sign: \`${token}\``
  return before.endsWith('=') ? 'first digit of a result' : 'later digit of a result'
}

function share(value: number, digits = 2): string {
  return value.toFixed(digits)
}

function code(text: string | null): string {
  return text === null || text === '' ? '-' : `\`${text.trim()}\``
}
