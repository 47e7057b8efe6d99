import type { Model } from '../../../src/model/model.ts'
import { judgeOf } from '../../../src/stages/pivotal/judge.ts'
import { answerTo, launchOf } from '../../../src/stages/pivotal/on-trace.ts'
import { rolloutProcess } from '../../../src/stages/pivotal/rollouts.ts'
import type { SearchOptions } from '../../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../../src/stages/pivotal/search/search-trace.ts'
import type { RolloutSource } from '../../../src/stages/pivotal/search/source.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import type { Reported } from './score.ts'
import { rule, type TrueTrace } from './truth.ts'

/** A way to find the pivotal tokens of a trace. */
export interface Method {
  readonly name: string
  /** First tokens may be forbidden. */
  readonly canForce: boolean
  readonly find: (trace: TrueTrace, source: RolloutSource, gap: number) => Promise<readonly number[]>
}

/** The recursion as the Phi-4 report has it. */
export const reference = 'published, n=50'

/** What finds most pivots by estimates of 50 alone. */
export const everyTokenName = 'every token, n=50'

/** Chosen on 24 other development problems, for pivots that lie as dense as here. */
const lean = { mode: 'thorough', rollouts: 16, confirmRollouts: 64 } as const

export const methods: readonly Method[] = [
  mode(reference, { mode: 'published', prune: false, confirmRollouts: 0 }, false),
  mode('published, pruned, confirmed', { mode: 'published' }, false),
  { name: everyTokenName, canForce: false, find: everyToken },
  mode('frugal, unconfirmed', { mode: 'frugal', confirmRollouts: 0 }),
  mode('frugal', { mode: 'frugal' }),
  mode('thorough, unconfirmed', { mode: 'thorough', confirmRollouts: 0 }),
  mode('thorough', { mode: 'thorough' }),
  mode('thorough, nothing forced', { mode: 'thorough' }, false),
  mode('thorough, 16 an arm, 64 a side', lean),
]

function mode(name: string, options: Omit<SearchOptions, 'gap' | 'q'>, canForce = true): Method {
  return {
    name,
    canForce,
    find: async ({ logprobs, correct }, source, gap) => {
      const { pivots } = await searchTrace({ logprobs, correct }, source, { gap, q: 0.1, ...options })
      const reported = pivots.filter(({ confirmed, search }) =>
        options.confirmRollouts === 0 ? Math.abs(search.delta) >= gap - 1e-9 : confirmed,
      )
      return reported.map(({ position }) => position)
    },
  }
}

/** 50 rollouts at every node, and what changes by the gap. */
async function everyToken(
  { trace, correct }: TrueTrace,
  source: RolloutSource,
  gap: number,
): Promise<readonly number[]> {
  const values: number[] = []
  for (const node of trace.keys()) {
    const drawn = await source.draw({ node, n: 50, forced: false, purpose: 'search' })
    values.push(drawn.filter((one) => one.correct).length / drawn.length)
  }
  return trace.flatMap((_, at) => {
    const after = values[at + 1] ?? Number(correct)
    return Math.abs(after - (values[at] as number)) >= gap - 1e-9 ? [at] : []
  })
}

/** One trace searched with rollouts bought and judged as the stage does. */
export async function searchWith(
  { canForce, find }: Method,
  trueTrace: TrueTrace,
  student: Model,
  gap: number,
): Promise<Reported> {
  const { id, problem, answer, trace } = trueTrace
  const { tokenizer } = student
  if (tokenizer === null) throw new Error('the student has a tokenizer')
  const process = rolloutProcess({
    student,
    promptIds: tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }])),
    judge: judgeOf(numericAnswer, tokenizer, { problem, answer }),
    key: ['pivotal-policy', id],
    run: { seed: 0, signal: new AbortController().signal, drop: () => undefined, count: () => undefined },
    ...rule,
  })
  const source: RolloutSource = {
    canForce,
    canBranch: canForce,
    draw: async (ask) => {
      const { prefix, banned } = launchOf(ask, trace)
      return answerTo(ask, await process.draw(prefix, ask.n, ask.purpose, banned), trace)
    },
  }
  const positions = await find(trueTrace, source, gap)
  const tokens = process.bought().reduce((sum, { ids }) => sum + ids.length, 0)
  return { positions, rollouts: process.launched(), tokens }
}
