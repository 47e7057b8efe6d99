import type { Stage } from '../../pipeline/stage.ts'
import { col, type Columns } from '../../record/columns.ts'
import type { Verifier } from '../../verify/verifier.ts'
import {
  agreementColumns,
  agreementOf,
  agreementRow,
  type AgreementRules,
  whyNotAgreed,
} from './agreement.ts'
import { byProblem } from './by-problem.ts'

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  completion: col.string('worked answer'),
}

const adds = {
  ...agreementColumns,
  in_plurality: col.bool('this trace states the plurality answer'),
}

const answer = col.string('plurality answer, in place of a reference answer')

export interface PluralityOptions extends AgreementRules {
  readonly verifier: Verifier
  /** Adds the plurality answer as `answer`, for problems without a reference answer. */
  readonly asAnswer?: boolean
  readonly concurrency?: number
}

type Adds = typeof adds
type AnswerToo = Adds & { readonly answer: typeof answer }

/** Says of all traces of a problem which answer most of them state, and how far they agree: the plurality stands in for a
 *  reference answer (Phi-4 report, section 2.2). Answers are one where the verifier calls them equal. */
export function plurality(of: PluralityOptions & { readonly asAnswer: true }): Stage<typeof needs, AnswerToo>
export function plurality(of: PluralityOptions): Stage<typeof needs, Adds>
export function plurality(of: PluralityOptions): Stage<typeof needs, Columns> {
  const { verifier, least, most, asAnswer = false } = of
  return byProblem<typeof needs, Columns>({
    name: 'plurality',
    needs,
    adds: { ...adds, ...(asAnswer && { answer }) },
    options: { verifier: verifier.id, least: least ?? null, most: most ?? null, asAnswer },
    concurrency: of.concurrency,
    each: async (traces, run) => {
      const [first] = traces
      const stated = traces.map((trace) => ({ text: trace.completion, ended: hasEnded(trace) }))
      const agreement = await agreementOf(stated, verifier, first?.problem ?? '')
      run.count('votes', traces.length)
      run.count('votes_unparsed', agreement.unparsed)
      const reason = whyNotAgreed(agreement, of)
      return traces.map((_, i) => {
        const columns = { ...agreementRow(agreement), in_plurality: agreement.members[i] }
        if (reason !== null) return { drop: reason, known: columns }
        return { ...columns, ...(asAnswer && { answer: agreement.answer }) }
      })
    },
  })
}

/** Traces that other tools wrote say nothing of how they ended. */
export const hasEnded = (trace: object): boolean =>
  (trace as { readonly finish_reason?: unknown }).finish_reason !== 'length'
