import { expand } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'
import type { Verifier } from '../../verify/verifier.ts'
import { candidateColumns, pairColumns } from './pair-columns.ts'

const needs = {
  ...candidateColumns,
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
}

const adds = {
  ...pairColumns,
  n_candidates: col.int32('answers that could be judged'),
  n_correct: col.int32('of these, the right ones'),
}

export interface PairByVerifierOptions {
  readonly verifier: Verifier
  /** Pairs a problem at most. */
  readonly pairs: number
  readonly concurrency?: number
}

/** Rollout preference of Phi-4-Mini-Reasoning (arXiv 2504.21233): a right rollout over a wrong one of the same question. How the two
 *  are matched is not published; here every right one, in launch order, takes the unused wrong one nearest in length, so that length
 *  tells as little as it can. Answers that nobody could judge are in no pair. */
export function pairByVerifier({
  verifier,
  pairs,
  concurrency = 8,
}: PairByVerifierOptions): Stage<typeof needs, typeof adds> {
  return expand({
    name: 'pairByVerifier',
    needs,
    adds,
    options: { verifier: verifier.id, pairs },
    concurrency,
    each: async ({ id, candidates, candidate_models: models, answer, problem }, run) => {
      const verdicts = await Promise.all(
        candidates.map(async (text) => (await verifier.verify(text, answer, problem)).verdict),
      )
      const those = (wanted: string): number[] => verdicts.flatMap((v, i) => (v === wanted ? [i] : []))
      const [right, wrong] = [those('equal'), those('different')]
      run.count('candidates without a readable answer', candidates.length - right.length - wrong.length)
      if (right.length === 0) return { drop: 'no right rollout' }
      if (wrong.length === 0) return { drop: 'no wrong rollout' }
      return matched(candidates, right, wrong)
        .slice(0, pairs)
        .map(([chosen, rejected], n) => ({
          pair_id: `${id}-${n}`,
          chosen_completion: candidates[chosen] ?? '',
          rejected_completion: candidates[rejected] ?? '',
          chosen_model: models[chosen] ?? '',
          rejected_model: models[rejected] ?? '',
          verifier_id: verifier.id,
          n_candidates: right.length + wrong.length,
          n_correct: right.length,
        }))
    },
  })
}

/** Each is in one pair at most. */
function matched(
  texts: readonly string[],
  right: readonly number[],
  wrong: readonly number[],
): [number, number][] {
  const free = [...wrong]
  const length = (i: number): number => texts[i]?.length ?? 0
  return right.slice(0, wrong.length).map((chosen) => {
    const distance = (i: number): number => Math.abs(length(i) - length(chosen))
    const nearest = free.reduce((kept, other) => (distance(other) < distance(kept) ? other : kept))
    free.splice(free.indexOf(nearest), 1)
    return [chosen, nearest]
  })
}
