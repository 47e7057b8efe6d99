import type { Model } from '../../model/model.ts'
import { expand } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col, type Columns } from '../../record/columns.ts'
import type { Verifier } from '../../verify/verifier.ts'
import type { Sampler } from '../generate-traces.ts'
import {
  agreementColumns,
  agreementOf,
  agreementRow,
  type AgreementRules,
  whyNotAgreed,
} from '../traces/agreement.ts'
import { ask, type Asking, askingOptions, checkAsking, longestPrefix } from '../traces/ask.ts'
import { checkSampler, drawsOf, samplerOptions, tokensOf } from '../traces/draw.ts'

const needs = { id: col.string('problem id'), problem: col.string('problem text') }

const answer = col.string("the strong model's plurality answer, in place of a reference answer")

type Adds = typeof agreementColumns
type AnswerToo = Adds & { readonly answer: typeof answer }

export interface ProxyTruthOptions extends Sampler, Asking, AgreementRules {
  /** The strong model. */
  readonly model: Model
  readonly verifier: Verifier
  readonly samples: number
  /** Adds the plurality as `answer`, which is what it is for; false where problems have a reference answer and only the
   *  agreement is wanted. */
  readonly asAnswer?: boolean
  readonly concurrency?: number
}

/** The plurality answer of a strong model stands in for a reference answer, if its share reaches the floor `least`
 *  (Phi-4-reasoning, section 2.1). Dropped problems keep their agreement in `removed`. */
export function proxyTruth(
  of: ProxyTruthOptions & { readonly asAnswer?: true },
): Stage<typeof needs, AnswerToo>
export function proxyTruth(of: ProxyTruthOptions & { readonly asAnswer: false }): Stage<typeof needs, Adds>
export function proxyTruth(of: ProxyTruthOptions): Stage<typeof needs, Columns> {
  const { model, verifier, samples, least, most, asAnswer = true } = of
  const { maxTokens } = of
  checkSampler('proxyTruth', of, { samples })
  checkAsking('proxyTruth', model, of)
  return expand<typeof needs, Columns>({
    name: 'proxyTruth',
    needs,
    adds: { ...agreementColumns, ...(asAnswer && { answer }) },
    models: [model],
    options: {
      ...{ verifier: verifier.id, samples, least: least ?? null, most: most ?? null, asAnswer },
      ...samplerOptions(of),
      ...askingOptions(of),
    },
    callsPerRow: samples,
    asks: { requestsPerRow: 1, maxTokens, longestPrefix: longestPrefix(of) },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const draws = drawsOf(model, of, ask(model, of, row.problem), { stage: 'proxyTruth', id: row.id, run })
      const completions = await draws.next(samples)
      run.count('strong_tokens', tokensOf(completions))
      const stated = completions.map(({ text, finishReason }) => ({ text, ended: finishReason === 'stop' }))
      const agreement = await agreementOf(stated, verifier, row.problem)
      run.count('votes', samples)
      run.count('votes_unparsed', agreement.unparsed)
      const columns = agreementRow(agreement)
      const reason = whyNotAgreed(agreement, of)
      if (reason === null) return [{ ...columns, ...(asAnswer && { answer: agreement.answer }) }]
      run.drop('proxyTruth', { ...row, ...columns }, reason)
      return []
    },
  })
}
