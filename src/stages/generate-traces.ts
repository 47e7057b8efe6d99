import type { Completion, Model } from '../model/model.ts'
import { expand } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col } from '../record/columns.ts'
import { ask, type Asking, askingOptions, checkAsking, longestPrefix } from './traces/ask.ts'
import { checkSampler, drawsOf, samplerOptions, tokensOf } from './traces/draw.ts'
import { ruleOptions, traceColumns, traceReader, type TraceRules } from './traces/trace.ts'

export { promptFor } from './traces/ask.ts'

const needs = { id: col.string('problem id'), problem: col.string('problem text') }

/** How a model is sampled. */
export interface Sampler {
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  /** Tokens at least this share of the likeliest one's probability are kept; off where left out. */
  readonly minP?: number | undefined
  /** Longest trace, tokens, end token included. */
  readonly maxTokens: number
}

export interface GenerateTracesOptions extends Sampler, Asking, TraceRules {
  readonly teacher: Model
  readonly samples: number
  readonly concurrency?: number
}

/** Lets the teacher write worked answers, several a problem. Truncated traces, those with broken thinking and repeats of
 *  one problem's trace are dropped with their reason, unless they are to be kept. */
export function generateTraces(of: GenerateTracesOptions): Stage<typeof needs, typeof traceColumns> {
  const { teacher, samples, maxTokens } = of
  checkSampler('generateTraces', of, { samples })
  checkAsking('generateTraces', teacher, of)
  const read = traceReader(teacher, of)
  return expand({
    name: 'generateTraces',
    needs,
    adds: traceColumns,
    models: [teacher],
    options: { samples, ...samplerOptions(of), ...askingOptions(of), ...ruleOptions(of) },
    callsPerRow: samples,
    asks: { requestsPerRow: 1, maxTokens, longestPrefix: longestPrefix(of) },
    concurrency: of.concurrency ?? 8,
    each: async (row, run) => {
      const asked = ask(teacher, of, row.problem)
      const draws = drawsOf(teacher, of, asked, { stage: 'generateTraces', id: row.id, run })
      const completions = await draws.next(samples)
      run.count('teacher_tokens', tokensOf(completions))
      const repeats = repeatsAmong()
      return completions.flatMap((completion, i) => {
        const trace = read(`${row.id}-${i}`, asked, completion)
        const reason = repeats(completion) ?? trace.reason
        if (reason === null) return [trace.columns]
        const { trace_id: id, finish_reason: finish } = trace.columns
        const dropped = { ...row, trace_id: id, completion: completion.text, finish_reason: finish }
        run.drop('generateTraces', dropped, reason)
        return []
      })
    },
  })
}

/** Says of each completion, in launch order, whether one before it ended with the same text. */
export function repeatsAmong(): (completion: Completion) => string | null {
  const seen = new Set<string>()
  return ({ finishReason, text }) => {
    if (finishReason === 'length') return null
    if (seen.has(text)) return 'same trace as another sample'
    seen.add(text)
    return null
  }
}
