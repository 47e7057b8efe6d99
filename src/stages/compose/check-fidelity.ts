import { map } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'
import { codeTokens, shingleOverlap } from '../../text/shingle-overlap.ts'
import type { Verification, Verifier } from '../../verify/verifier.ts'

const needs = {
  problem: col.string('instruction that was written for the code'),
  language: col.string('programming language'),
  code: col.string('original code'),
  regenerated: col.string('code written from the instruction alone'),
  answer: col.string('tests as the verifier reads them'),
}

const adds = {
  code_similarity: col.double('Jaccard of runs of 4 tokens in original and regenerated code, 0 to 1'),
  verifier_id: col.string('rule that ran both through the tests'),
}

export interface CheckFidelityOptions {
  /** Runs code in a fence against `answer`. */
  readonly verifier: Verifier
  /** Regenerated code that is less like the original is dropped, 0 to 1. */
  readonly leastSimilarity: number
  readonly concurrency?: number
}

/** Keeps instructions that say enough: the original passes its tests, and so does code that was written from the
 *  instruction alone (Phi-4, arXiv 2412.08905, section 2.2: "keep only high-fidelity pairs"). The measure is not published;
 *  tests of behaviour and a similarity of tokens are ours. */
export function checkFidelity({
  verifier,
  leastSimilarity,
  concurrency = 4,
}: CheckFidelityOptions): Stage<typeof needs, typeof adds> {
  return map({
    name: 'checkFidelity',
    needs,
    adds,
    options: { verifier: verifier.id, leastSimilarity },
    concurrency,
    each: async ({ problem, language, code, regenerated, answer }) => {
      const judge = async (program: string): Promise<Verification> =>
        verifier.verify(`\`\`\`${language.toLowerCase()}\n${program}\n\`\`\``, answer, problem)
      const original = await judge(code)
      if (original.verdict === 'unparsed') return { drop: `tests cannot be run: ${original.reason ?? ''}` }
      if (original.verdict === 'different') return { drop: 'the original fails its own tests' }
      const again = await judge(regenerated)
      if (again.verdict === 'unparsed')
        return { drop: `regenerated code cannot be run: ${again.reason ?? ''}` }
      if (again.verdict === 'different') return { drop: 'regenerated code fails the tests' }
      const similarity = shingleOverlap(codeTokens(code), codeTokens(regenerated), 4)
      return similarity < leastSimilarity
        ? { drop: `regenerated code is another program: similarity under ${leastSimilarity}` }
        : { code_similarity: similarity, verifier_id: verifier.id }
    },
  })
}
