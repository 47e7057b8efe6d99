import { col } from '../../record/columns.ts'

/** What every pair of answers has. */
export const pairColumns = {
  pair_id: col.string('problem id and number of the pair'),
  chosen_completion: col.string('the better answer, without end token'),
  rejected_completion: col.string('the worse answer, likewise'),
  chosen_model: col.string('model that wrote the better answer'),
  rejected_model: col.string('model that wrote the worse answer'),
  verifier_id: col.string('rule or judge that tells the two apart'),
}

/** Answers as `sampleCandidates` gives them. */
export const candidateColumns = {
  id: col.string('problem id'),
  candidates: col.list(col.string('answer'), 'answers, in launch order'),
  candidate_models: col.list(col.string('model'), 'who wrote each of them'),
}
