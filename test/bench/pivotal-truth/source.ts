import { setMaxListeners } from 'node:events'
import type { Model } from '../../../src/model/model.ts'
import { judgeOf } from '../../../src/stages/pivotal/judge.ts'
import { answerTo, launchOf } from '../../../src/stages/pivotal/on-trace.ts'
import { type RolloutProcess, rolloutProcess } from '../../../src/stages/pivotal/rollouts.ts'
import type { RolloutSource } from '../../../src/stages/pivotal/search/source.ts'
import { numericAnswer } from '../../../src/verify/verifier.ts'
import { type PlainTrace, rule } from './truth.ts'

/** Rollouts of a trace, bought and judged as the stage does. */
export function sourceOf(
  student: Model,
  { id, problem, answer, trace }: PlainTrace,
  can: Pick<RolloutSource, 'canForce' | 'canBranch'>,
): RolloutSource & { readonly process: RolloutProcess } {
  const { tokenizer } = student
  if (tokenizer === null) throw new Error('the student has a tokenizer')
  const { signal } = new AbortController()
  // A request listens while it is under way.
  setMaxListeners(0, signal)
  const process = rolloutProcess({
    student,
    promptIds: tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }])),
    judge: judgeOf(numericAnswer, tokenizer, { problem, answer }),
    key: ['pivotal-truth', id],
    run: { seed: 0, signal, drop: () => undefined, count: () => undefined },
    ...rule,
  })
  return {
    ...can,
    process,
    draw: async (ask) => {
      const { prefix, banned } = launchOf(ask, trace)
      return answerTo(ask, await process.draw(prefix, ask.n, ask.purpose, banned), trace)
    },
  }
}
