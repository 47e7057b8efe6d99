import type { Completion, Model } from '../../src/model/model.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import type { SearchMode } from '../../src/stages/pivotal/search/result.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { lastDigit, markovModel, tokenizer as letters, valueOf } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'

const texts = ['xxAxxAx1', 'xxBxxBx1', 'xxAxxBx1']
const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }

/** A trace of the planted world in the policy's own ids: a token a letter, and the end. */
const rowOf = (completion: string, model: Model) => {
  const tokenizer = model.tokenizer ?? letters
  return {
    ...{ id: 'p', problem: 'xy', answer: '1', trace_id: 'p-0', teacher_model: 'teacher' },
    ...{ completion, completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id] },
  }
}

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
  /** Tokens of the searched traces whose true change reaches the gap, and how many of them were confirmed. */
  readonly planted: number
  readonly right: number
  /** Tokens reported, confirmed or not, and intervals of their change that hold the true one. */
  readonly found: number
  readonly held: number
  readonly beyond: number
  readonly confirmed: number
  /** Confirmed ones whose true change is less than half the gap. */
  readonly wrong: number
  /** Sides of certified pairs at planted tokens, and intervals of their value that hold the true one; without those that are
   *  sure to be right or wrong. */
  readonly sides: number
  readonly sidesHeld: number
  /** The same where the token's true change is less than the gap. Only what shows the gap has a pair: there luck has drawn the
   *  sides apart, and fewer intervals hold. No interval that is told of selected pairs alone can promise more. */
  readonly luckySides: number
  readonly luckyHeld: number
  readonly rollouts: number
}

interface CoverageOptions {
  readonly runs: number
  readonly gap?: number
  readonly model?: Model
}

/** Searches planted traces again and again, each run with its own seed, and compares what is reported with the truth. */
export async function coverageOf(
  mode: SearchMode,
  { runs, gap = 0.2, model = markovModel({ latency: slowWrong }) }: CoverageOptions,
): Promise<Coverage> {
  const total = { ...none }
  for (let seed = 0; seed < runs; seed++) {
    const text = texts[seed % texts.length] as string
    const stage = findPivotalTokens({ student: model, mode, gap, verifier: lastDigit, ...sampler })
    const { kept, counters } = await pivotsOf(stage, [rowOf(text, model)], seed)
    total.rollouts += counters.student_rollouts ?? 0
    total.planted += Array.from(text).filter((_, at) => isPlanted(text, at, gap)).length
    for (const row of kept as unknown as readonly Told[]) compare(total, row, text, gap)
  }
  return total
}

const none = {
  ...{ planted: 0, right: 0, found: 0, held: 0, beyond: 0, confirmed: 0, wrong: 0 },
  ...{ sides: 0, sidesHeld: 0, luckySides: 0, luckyHeld: 0, rollouts: 0 },
}

/** Columns of a pivotal token that a truth is known of. */
export interface Told {
  readonly position: number
  readonly prob_delta: number
  readonly delta_low: number
  readonly delta_high: number
  readonly logprob: number
  readonly confirmed: boolean
  readonly chosen_token: string | null
  readonly prob_chosen_low: number
  readonly prob_chosen_high: number
  readonly rejected_token: string | null
  readonly prob_rejected_low: number
  readonly prob_rejected_high: number
}

function compare(total: typeof none, row: Told, text: string, gap: number): void {
  const before = text.slice(0, row.position)
  const truth = changeOf(text, row.position)
  total.found++
  if (holds(row.delta_low, truth, row.delta_high)) total.held++
  if (Math.abs(row.prob_delta) > -Math.expm1(row.logprob) + rounding) total.beyond++
  if (row.confirmed) total.confirmed++
  if (row.confirmed && isPlanted(text, row.position, gap)) total.right++
  if (row.confirmed && Math.abs(truth) < gap / 2) total.wrong++
  const { chosen_token: chosen, rejected_token: rejected } = row
  if (chosen === null || rejected === null) return
  const sides = [
    [row.prob_chosen_low, valueOf(before + chosen), row.prob_chosen_high],
    [row.prob_rejected_low, valueOf(before + rejected), row.prob_rejected_high],
  ] as const
  const open = sides.filter(([, value]) => value > 0 && value < 1)
  const planted = isPlanted(text, row.position, gap)
  total[planted ? 'sides' : 'luckySides'] += open.length
  total[planted ? 'sidesHeld' : 'luckyHeld'] += open.filter((side) => holds(...side)).length
}

const rounding = 1e-9

const holds = (low: number, truth: number, high: number): boolean =>
  low <= truth + rounding && truth - rounding <= high

const changeOf = (text: string, at: number): number =>
  valueOf(text.slice(0, at + 1)) - valueOf(text.slice(0, at))

const isPlanted = (text: string, at: number, gap: number): boolean =>
  Math.abs(changeOf(text, at)) >= gap - rounding
