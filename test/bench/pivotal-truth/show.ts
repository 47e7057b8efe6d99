/** Prints what the student's pivotal tokens look like, for docs/pivots.md: `npx tsx test/bench/pivotal-truth/show.ts`. First the
 *  kinds of its open tokens by their true changes, then what the stage confirms and certifies in the same traces. */
import { localModel } from '../../../src/model/local.ts'
import { findPivotalTokens } from '../../../src/stages/pivotal/find-pivotal-tokens.ts'
import { locate } from '../../../src/store/bundled.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { pivotsOf } from '../../stages/pivots-of.ts'
import { readTruth, rule, type TrueTrace, valueAt } from './truth.ts'

const gap = 0.2
const { traces } = readTruth()
const student = await localModel(locate('datasets/models/student'))

console.log(`${undecided()} open tokens lie within two standard errors of the gap`)
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
  const change = valueAt(trace, row.position + 1) - valueAt(trace, row.position)
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

function isOpen({ logprobs }: TrueTrace, at: number): boolean {
  return -Math.expm1(logprobs[at] as number) >= 0.9 * gap
}

/** The truth is measured too. */
function undecided(): number {
  return traces.flatMap((trace) =>
    trace.trace.filter((_, at) => {
      if (!isOpen(trace, at)) return false
      const change = valueAt(trace, at + 1) - valueAt(trace, at)
      const error = Math.sqrt(varianceAt(trace, at) + varianceAt(trace, at + 1))
      return Math.abs(Math.abs(change) - gap) < 2 * error
    }),
  ).length
}

function varianceAt(trace: TrueTrace, node: number): number {
  const p = valueAt(trace, node)
  return (p * (1 - p)) / (trace.nodes[node]?.[1] ?? 1)
}

/** Of open tokens: those of the others would be noise of 400 rollouts. */
function squared(trace: TrueTrace): number {
  const open = [...trace.trace.keys()].filter((at) => isOpen(trace, at))
  return open.reduce((sum, at) => sum + (valueAt(trace, at + 1) - valueAt(trace, at)) ** 2, 0)
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
    for (const [at, id] of trace.trace.entries()) {
      if (!isOpen(trace, at)) continue
      const before = student.tokenizer?.decode(trace.trace.slice(0, at)) ?? ''
      const kind = kindOf(student.tokenizer?.decode([id]) ?? '', before)
      kinds.set(kind, [...(kinds.get(kind) ?? []), valueAt(trace, at + 1) - valueAt(trace, at)])
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
