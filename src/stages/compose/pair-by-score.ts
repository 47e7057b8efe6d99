import { map } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'
import { candidateColumns, pairColumns } from './pair-columns.ts'

const needs = {
  ...candidateColumns,
  candidate_scores: col.list(col.double('score'), 'one for each candidate; 0 is none'),
  judge_id: col.string('who scored'),
}

const adds = {
  ...pairColumns,
  chosen_score: col.double("a judge's score of the better answer"),
  rejected_score: col.double("a judge's score of the worse answer"),
}

/** The best scored answer over the worst, where they are at least `gap` apart and the best has at least `least`; of equals the
 *  first. */
export function pairByScore({
  gap,
  least,
}: {
  readonly gap: number
  readonly least: number
}): Stage<typeof needs, typeof adds> {
  return map({
    name: 'pairByScore',
    needs,
    adds,
    options: { gap, least },
    each: ({ id, candidates, candidate_models: models, candidate_scores: scores, judge_id: judge }) => {
      const scored = scores.flatMap((score, i) => (score > 0 ? [{ score, i }] : []))
      const [first] = scored
      if (first === undefined || scored.length < 2) return { drop: 'under two answers with a score' }
      const best = scored.reduce((kept, other) => (other.score > kept.score ? other : kept), first)
      const worst = scored.reduce((kept, other) => (other.score < kept.score ? other : kept), first)
      if (best.score < least) return { drop: `no good answer: best score under ${least}` }
      if (best.score - worst.score < gap) return { drop: `scores nearer than ${gap}` }
      return {
        pair_id: `${id}-0`,
        chosen_completion: candidates[best.i] ?? '',
        rejected_completion: candidates[worst.i] ?? '',
        chosen_model: models[best.i] ?? '',
        rejected_model: models[worst.i] ?? '',
        verifier_id: judge,
        chosen_score: best.score,
        rejected_score: worst.score,
      }
    },
  })
}
