import type { Tokenizer } from '../../model/model.ts'
import type { Verification, Verifier } from '../../verify/verifier.ts'

/** What a rollout comes to, given what stood before it. */
export type Judge = (
  prefix: readonly number[],
  ids: readonly number[],
  finishReason: 'stop' | 'length',
) => Promise<{ readonly verdict: string; readonly answer: string | null }>

/** The verdicts of one question. Equal answers are looked at once: programs and judges take their time, and a judge
 *  that is asked twice may say two things. What is cut off has failed, whatever its text says. */
export function judgeOf(
  verifier: Verifier,
  tokenizer: Tokenizer,
  { problem, answer }: { readonly problem: string; readonly answer: string },
): Judge {
  const known = new Map<string, Promise<Verification>>()
  return async (prefix, ids, finishReason) => {
    const whole = [...prefix, ...ids]
    if (finishReason !== 'stop' || whole.at(-1) !== tokenizer.eos.id)
      return { verdict: 'truncated', answer: null }
    const text = tokenizer.decode(whole.slice(0, -1))
    const verification = known.get(text) ?? Promise.resolve(verifier.verify(text, answer, problem))
    known.set(text, verification)
    const { verdict, extracted } = await verification
    return { verdict, answer: extracted }
  }
}
