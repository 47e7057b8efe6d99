import { map } from '../pipeline/constructors.ts'
import type { Stage } from '../pipeline/stage.ts'
import { col } from '../record/columns.ts'
import type { Verification, Verifier } from '../verify/verifier.ts'

const needs = {
  problem: col.string('problem text'),
  completion: col.string('worked answer'),
  answer: col.string('reference answer'),
}

const adds = {
  extracted_answer: col.string('answer the trace states'),
  verifier_id: col.string('rule that judged it equal to the reference'),
}

/** Keeps traces whose answer is the reference answer; wrong ones and those without a readable answer are dropped apart. */
export function verifyTraces({
  verifier,
}: {
  readonly verifier: Verifier
}): Stage<typeof needs, typeof adds> {
  return map({
    name: 'verifyTraces',
    needs,
    adds,
    options: { verifier: verifier.id },
    each: ({ completion, answer, problem }) => {
      const outcome = ({ verdict, extracted, reason }: Verification) => {
        if (verdict === 'unparsed') return { drop: `answer not readable: ${reason ?? ''}` }
        if (verdict === 'different' || extracted === null)
          return { drop: 'answer differs from the reference' }
        return { extracted_answer: extracted, verifier_id: verifier.id }
      }
      const judged = verifier.verify(completion, answer, problem)
      return judged instanceof Promise ? judged.then(outcome) : outcome(judged)
    },
  })
}
