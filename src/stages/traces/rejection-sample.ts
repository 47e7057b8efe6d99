import type { Model } from '../../model/model.ts'
import { expand } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { col, type Row } from '../../record/columns.ts'
import type { Verifier } from '../../verify/verifier.ts'
import { repeatsAmong, type Sampler } from '../generate-traces.ts'
import { judge, reasonOf, verdictColumns } from '../verify-traces.ts'
import { ask, type Asking, askingOptions, checkAsking, longestPrefix } from './ask.ts'
import { checkSampler, drawsOf, samplerOptions, tokensOf } from './draw.ts'
import { type ReadTrace, ruleOptions, traceColumns, traceReader, type TraceRules } from './trace.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
}

const adds = {
  ...traceColumns,
  ...verdictColumns,
  n_drawn: col.int32('traces of the problem that were drawn until enough were correct'),
  n_drawn_correct: col.int32('of these, correct ones, whether kept or not'),
}

export interface RejectionSampleOptions extends Sampler, Asking, TraceRules {
  readonly teacher: Model
  readonly verifier: Verifier
  /** Correct traces wanted of each problem. */
  readonly wanted: number
  /** Most traces drawn for a problem. */
  readonly most: number
  /** Traces a step draws; as many as are wanted by default. */
  readonly batch?: number
  readonly concurrency?: number
}

/** Lets the teacher write traces until enough of a problem are correct, or the cap is reached: rejection sampling with
 *  verification. Steps are judged whole and in launch order, so that fast answers have no advantage; those launched first
 *  stay. Every other trace is dropped with its reason. */
export function rejectionSample(of: RejectionSampleOptions): Stage<typeof needs, typeof adds> {
  const { teacher, verifier, wanted, most, maxTokens } = of
  const batch = of.batch ?? wanted
  checkSampler('rejectionSample', of, { wanted, most, batch })
  checkAsking('rejectionSample', teacher, of)
  const read = traceReader(teacher, of)
  return expand({
    name: 'rejectionSample',
    needs,
    adds,
    models: [teacher],
    options: {
      ...{ verifier: verifier.id, wanted, most, batch },
      ...samplerOptions(of),
      ...askingOptions(of),
      ...ruleOptions(of),
    },
    callsPerRow: most,
    asks: { requestsPerRow: Math.ceil(most / batch), maxTokens, longestPrefix: longestPrefix(of) },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const asked = ask(teacher, of, row.problem)
      const draws = drawsOf(teacher, of, asked, { stage: 'rejectionSample', id: row.id, run })
      const repeats = repeatsAmong()
      const judged: Judged[] = []
      const good = (): Judged[] => judged.filter(({ reason }) => reason === null)
      while (judged.length < most && good().length < wanted) {
        const completions = await draws.next(Math.min(batch, most - judged.length))
        run.count('teacher_tokens', tokensOf(completions))
        const traces = completions.map((completion, i) => ({
          ...read(`${row.id}-${judged.length + i}`, asked, completion),
          repeat: repeats(completion),
        }))
        judged.push(...(await Promise.all(traces.map((trace) => judgeTrace(trace, row, verifier, run)))))
      }
      count(run, judged.length, good().length, wanted)
      return kept(judged, row, wanted, run)
    },
  })
}

interface Judged {
  /** Why it is dropped, or null. */
  readonly reason: string | null
  readonly correct: boolean
  readonly columns: Row<typeof traceColumns> & Row<typeof verdictColumns>
}

async function judgeTrace(
  { reason, repeat, columns }: ReadTrace & { readonly repeat: string | null },
  row: Row<typeof needs>,
  verifier: Verifier,
  run: Run,
): Promise<Judged> {
  const verdict = await judge(verifier, { ...row, ...columns }, run)
  const correct = verdict.verdict === 'equal'
  return {
    reason: repeat ?? reason ?? (correct ? null : reasonOf(verdict)),
    correct,
    columns: { ...columns, ...verdict },
  }
}

function count(run: Run, drawn: number, good: number, wanted: number): void {
  run.count('traces_drawn', drawn)
  run.count('traces_correct', good)
  if (good === 0) run.count('problems_without_correct_trace')
  else if (good < wanted) run.count('problems_with_fewer_correct_traces')
}

function kept(
  judged: readonly Judged[],
  row: Row<typeof needs>,
  wanted: number,
  run: Run,
): Row<typeof adds>[] {
  const numbers = {
    n_drawn: judged.length,
    n_drawn_correct: judged.filter(({ correct }) => correct).length,
  }
  const rows: Row<typeof adds>[] = []
  for (const { reason, columns } of judged) {
    const why = reason ?? (rows.length < wanted ? null : 'correct, and enough were launched before it')
    if (why === null) rows.push({ ...columns, ...numbers })
    else run.drop('rejectionSample', { ...row, ...columns, ...numbers }, why)
  }
  return rows
}
