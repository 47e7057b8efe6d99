import { map } from '../pipeline/constructors.ts'
import type { Run, Stage } from '../pipeline/stage.ts'
import { col, type Row } from '../record/columns.ts'
import type { Verdict, Verification, Verifier } from '../verify/verifier.ts'
import { hasEnded } from './traces/plurality.ts'

const needs = {
  problem: col.string('problem text'),
  completion: col.string('worked answer'),
  answer: col.string('reference answer'),
}

/** Columns of a verdict. */
export const verdictColumns = {
  verdict: col.string('equal, different, or unparsed: whether the answer is the reference answer'),
  extracted_answer: col.nullable(col.string('answer the trace states; null where it states none')),
  unparsed_reason: col.nullable(col.string('why nothing could be judged')),
  verifier_id: col.string('rule that judged'),
}

export interface VerifyTracesOptions {
  readonly verifier: Verifier
  /** Verdicts whose traces go on; equal alone by default. */
  readonly keep?: readonly Verdict[]
  readonly concurrency?: number
}

/** Keeps traces whose answer is the reference answer; wrong ones and those without a readable answer are dropped apart,
 *  or go on with their verdict. A trace that was cut off has no answer, whatever it says. */
export function verifyTraces(of: VerifyTracesOptions): Stage<typeof needs, typeof verdictColumns> {
  const { verifier, keep = ['equal'] } = of
  return map({
    name: 'verifyTraces',
    needs,
    adds: verdictColumns,
    options: { verifier: verifier.id, keep: [...keep].sort() },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const columns = await judge(verifier, row, run)
      if (keep.includes(columns.verdict as Verdict)) return columns
      return { drop: reasonOf(columns) }
    },
  })
}

/** The verdict on one trace, unparsed ones counted by their reason. */
export async function judge(
  verifier: Verifier,
  row: Row<typeof needs>,
  run: Run,
): Promise<Row<typeof verdictColumns>> {
  const { verdict, extracted, reason }: Verification = hasEnded(row)
    ? await verifier.verify(row.completion, row.answer, row.problem)
    : { verdict: 'unparsed', extracted: null, reason: 'the trace is cut off' }
  if (verdict === 'unparsed') run.count(`traces_unparsed: ${kindOf(reason)}`)
  return {
    verdict,
    extracted_answer: extracted,
    unparsed_reason: verdict === 'unparsed' ? reason : null,
    verifier_id: verifier.id,
  }
}

/** Why a trace with this verdict is dropped. */
export const reasonOf = ({ verdict, unparsed_reason: reason }: Row<typeof verdictColumns>): string =>
  verdict === 'unparsed' ? `answer not readable: ${reason ?? ''}` : 'answer differs from the reference'

/** What stands before a colon: the rest is of one trace. */
const kindOf = (reason: string | null): string => reason?.split(':')[0] ?? 'no reason given'
