import type { Completion, Model } from '../../src/model/model.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import type { SearchMode } from '../../src/stages/pivotal/search/result.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { lastDigit, markovModel, tokenizer, valueOf } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'

const texts = ['xxAxxAx1', 'xxBxxBx1', 'xxAxxBx1']
const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }

export const rowOf = (completion: string, number = 0) => ({
  id: 'p',
  problem: 'xy',
  answer: '1',
  trace_id: `p-${number}`,
  completion,
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  teacher_model: 'teacher',
})

/** Wrong answers take longer, as they do in practice: their completions come later. */
export const slowWrong = (correct: boolean, i: number): number => (correct ? i % 2 : 2 + (i % 2))

/** Rule S1 broken on purpose: twice as many rollouts are launched, and the first half to finish is taken. */
export function firstToFinish(model: Model): Model {
  return {
    ...model,
    sample: async (prompt, options) => {
      const all = await model.sample(prompt, { ...options, n: 2 * options.n })
      const timed = all.map((completion, i) => ({ completion, at: duration(completion, options.seed, i) }))
      return timed
        .sort((a, b) => a.at - b.at)
        .slice(0, options.n)
        .map(({ completion }) => completion)
    },
  }
}

/** Mean 400 where the digit is right and 900 where it is wrong. */
const duration = ({ text }: Completion, seed: number, i: number): number =>
  (text.endsWith('1') ? 400 : 900) * (0.5 + rngFor('duration', seed, i).next())

export interface Coverage {
  readonly found: number
  /** Intervals that hold the true change, of pivotal tokens and of the sides of their pairs. */
  readonly held: number
  readonly beyond: number
  readonly confirmed: number
  /** Confirmed ones whose true change is less than half the gap. */
  readonly wrong: number
  readonly rollouts: number
}

/** Searches planted traces again and again, each run with its own seed, and compares what is reported with the truth. */
export async function coverageOf(
  mode: SearchMode,
  {
    runs,
    gap = 0.2,
    model = markovModel({ latency: slowWrong }),
  }: { runs: number; gap?: number; model?: Model },
): Promise<Coverage> {
  const total = { found: 0, held: 0, beyond: 0, confirmed: 0, wrong: 0, rollouts: 0 }
  for (let seed = 0; seed < runs; seed++) {
    const text = texts[seed % texts.length] as string
    const stage = findPivotalTokens({ student: model, mode, gap, verifier: lastDigit, ...sampler })
    const { kept, counters } = await pivotsOf(stage, [rowOf(text)], seed)
    total.rollouts += counters.student_rollouts ?? 0
    for (const row of kept as { [name: string]: number }[]) {
      const [low, high, at] = [row.delta_low as number, row.delta_high as number, row.position as number]
      const truth = valueOf(text.slice(0, at + 1)) - valueOf(text.slice(0, at))
      const bound = 1 - Math.exp(row.logprob as number)
      total.found++
      if (low <= truth + 1e-9 && truth - 1e-9 <= high) total.held++
      if (Math.abs(row.prob_delta as number) > bound + 1e-9) total.beyond++
      if (row.confirmed) total.confirmed++
      if (row.confirmed && Math.abs(truth) < gap / 2) total.wrong++
    }
  }
  return total
}
