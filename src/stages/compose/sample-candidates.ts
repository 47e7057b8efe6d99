import { FulcrumError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { map } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'
import { seedFor } from '../../statistics/random.ts'
import { promptFor, type Sampler } from '../generate-traces.ts'

const needs = { id: col.string('problem id'), problem: col.string('problem text') }

const adds = {
  candidates: col.list(
    col.string('answer'),
    'answers that ended by themselves, each text once, in launch order; without end token',
  ),
  candidate_models: col.list(col.string('model'), 'who wrote each of them'),
}

export interface SampleCandidatesOptions extends Sampler {
  readonly models: readonly Model[]
  /** Answers of each model. */
  readonly samples: number
  readonly concurrency?: number
}

/** Several answers a problem, for pairs of which one is better. Those that hit the token limit, and repeats of a text, are
 *  counted and left out. */
export function sampleCandidates(of: SampleCandidatesOptions): Stage<typeof needs, typeof adds> {
  const { models, samples, temperature, topP, topK, maxTokens } = of
  if (models.length === 0 || !Number.isInteger(samples) || samples * models.length < 2) {
    throw new FulcrumError(
      'config',
      `sampleCandidates has ${models.length} models with ${samples} samples each`,
      'A pair wants at least two answers.',
    )
  }
  const calls = samples * models.length
  return map({
    ...{ name: 'sampleCandidates', needs, adds, models },
    options: { samples, temperature, topP, topK, maxTokens },
    callsPerRow: calls,
    asks: { requestsPerRow: models.length, maxTokens, longestPrefix: 0 },
    concurrency: of.concurrency ?? 8,
    each: async ({ id, problem }, run) => {
      const found = new Map<string, string>()
      for (const model of models) {
        const { prompt } = promptFor(model, [{ role: 'user', content: problem }])
        const seed = seedFor(run.seed, 'sampleCandidates', id, model.id)
        const options = { n: samples, temperature, topP, topK, maxTokens, seed, signal: run.signal }
        for (const { text, finishReason, completionTokens } of await model.sample(prompt, options)) {
          run.count('candidate tokens', completionTokens)
          if (finishReason === 'length') run.count('candidates truncated at the token limit')
          else if (text.trim() === '') run.count('empty candidates')
          else if (found.has(text)) run.count('candidates with the same text as another')
          else found.set(text, model.id)
        }
      }
      if (found.size < 2) return { drop: 'under two different answers' }
      return { candidates: [...found.keys()], candidate_models: [...found.values()] }
    },
  })
}
