import { eachPivotalToken } from '../../src/stages/pivotal/each-pivotal-token.ts'
import type { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { runStage, type StageOutcome } from './run-stage.ts'

/** Rows through the search and then one row a pivotal token; `searched` are those between. */
export async function pivotsOf(
  stage: ReturnType<typeof findPivotalTokens>,
  rows: readonly Record<string, unknown>[],
  seed = 7,
): Promise<StageOutcome & { readonly searched: StageOutcome['kept'] }> {
  const { kept: searched, dropped, counters } = await runStage(stage, rows, seed)
  const each = await runStage(eachPivotalToken({ unconfirmed: true }), searched, seed)
  return { searched, kept: each.kept, dropped: [...dropped, ...each.dropped], counters }
}
