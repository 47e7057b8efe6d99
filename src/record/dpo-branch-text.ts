import { col } from './columns.ts'
import { dpoPivotal, evidenceOf } from './dpo-pivotal.ts'
import { pivotFields } from './pivotal-tokens.ts'
import type { Shape } from './shape.ts'

const id = col.int32('token id')
const needs = {
  ...dpoPivotal.needs,
  chosen_branch: pivotFields.chosen_branch,
  chosen_branch_ids: pivotFields.chosen_branch_ids,
  rejected_branch: pivotFields.rejected_branch,
  rejected_branch_ids: pivotFields.rejected_branch_ids,
}

const columns = {
  ...dpoPivotal.columns,
  chosen: col.string('a whole answer from the better token on, verified correct, ending in the end token'),
  rejected: col.string('a whole answer from the worse token on, verified wrong, ending in the end token'),
  chosen_ids: col.list(id, 'its exact ids, as they were drawn'),
  rejected_ids: col.list(id, 'its exact ids, likewise'),
}

/** The pairs of dpo_pivotal with each side carried on to the end of an answer: what trainers load that append an end token
 *  to every side. The branch is the first one drawn that is finished and has the side's verdict. */
export const dpoBranchText: Shape<typeof needs, typeof columns> = {
  config: 'dpo_branch_text',
  needs,
  columns,
  rows: (row) => {
    const { chosen_branch_ids: chosenIds, rejected_branch_ids: rejectedIds } = row
    const evidence = evidenceOf(row)
    if (evidence === null || chosenIds === null || rejectedIds === null) return []
    return [
      {
        ...evidence,
        chosen: row.chosen_branch as string,
        rejected: row.rejected_branch as string,
        chosen_ids: chosenIds,
        rejected_ids: rejectedIds,
      },
    ]
  },
}
