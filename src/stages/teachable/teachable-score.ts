import { FulcrumError } from '../../errors.ts'
import { expand } from '../../pipeline/constructors.ts'
import type { Stage } from '../../pipeline/stage.ts'
import { col } from '../../record/columns.ts'

const needs = {
  plurality_share: col.double("share of the strong model's samples that state its plurality answer"),
  pass_rate: col.double("share of the student's rollouts that agree with the answer"),
}

const adds = {
  strong_agreement: col.double('how far the strong model agrees with itself: plurality_share'),
  weak_agreement: col.double('how far the student agrees with it: pass_rate'),
  teachable_score: col.double('strong_agreement - weak_agreement: room for improvement'),
}

/** Scores problems by what a strong model agrees on and the student does not yet (Phi-4-reasoning, section 2.1: "a
 *  meaningful gap, indicating room for improvement"; its thresholds are not published, so there is no default). */
export function teachableScore({ least }: { readonly least?: number } = {}): Stage<
  typeof needs,
  typeof adds
> {
  if (least !== undefined && !(least >= -1 && least <= 1))
    throw new FulcrumError('config', `teachableScore has least ${least}`, 'Give a number from -1 to 1.')
  return expand({
    name: 'teachableScore',
    needs,
    adds,
    options: { least: least ?? null },
    each: (row, run) => {
      const score = row.plurality_share - row.pass_rate
      const columns = {
        strong_agreement: row.plurality_share,
        weak_agreement: row.pass_rate,
        teachable_score: score,
      }
      if (least === undefined || score >= least) return [columns]
      run.drop('teachableScore', { ...row, ...columns }, `little to learn: score under ${least}`)
      return []
    },
  })
}
