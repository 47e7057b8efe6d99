import type { Row, Columns } from '../../record/columns.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import type { SearchMode } from './search/result.ts'

/** Success probability of a question as far as its row tells; null where nothing was measured. */
function passRateOf(row: Readonly<Record<string, unknown>>): number | null {
  if (typeof row.pass_rate === 'number') return row.pass_rate
  const { gate_verdicts: verdicts } = row
  if (!Array.isArray(verdicts) || verdicts.length === 0) return null
  return verdicts.filter((correct) => correct === true).length / verdicts.length
}

/** Variance of a verdict: what all changes along a trace can sum up to, squared (martingale bound). At least .05, since a pass
 *  rate of 0 or 1 was measured with few rollouts; .25 where nothing is known. */
const varianceOf = (row: Readonly<Record<string, unknown>>): number => {
  const rate = passRateOf(row)
  return rate === null ? 0.25 : Math.max(0.05, rate * (1 - rate))
}

interface Effort extends Readonly<Record<'gap' | 'rollouts' | 'confirmRollouts', number>> {
  readonly mode?: SearchMode
  readonly maxTokens?: number
}

/** Most rollouts a search may take: what a pivotal token costs, search and both sides afresh, for as many as the trace can be
 *  expected to have at most, p (1 - p) / gap^2. The published recursion estimates every node on the way to each. */
export function rolloutBudget(
  row: Readonly<Record<string, unknown>>,
  { gap, rollouts, confirmRollouts, mode, maxTokens = 1 }: Effort,
): number {
  const nodes = mode === 'published' ? 2 + Math.ceil(Math.log2(maxTokens)) : 1
  return Math.ceil((varianceOf(row) / gap ** 2) * (nodes * rollouts + 2 * confirmRollouts))
}

/** Rollouts under which a search would not begin: it could confirm nothing. */
export const leastSearch = 48

/** A shard's part of a cap on the run: shards may be made by several processes, in any order, so it hangs on nothing that another
 *  has used. Equal parts; where these would not see one question through, the first shards have enough for one and the others
 *  nothing. */
export function shareOf(
  maxRollouts: number,
  { shard = 0, shards = 1 }: Pick<Run, 'shard' | 'shards'>,
  of: Effort,
): number {
  const part = Math.max(Math.ceil(maxRollouts / shards), rolloutBudget({}, of))
  return Math.max(0, Math.min(part, maxRollouts - shard * part))
}

/** The same stage with the questions of a shard whose p is nearest one half first: they have most to find, and where a cap ends
 *  the run's rollouts it is the others that go without. Equal ones keep their order. */
export function mostUncertainFirst<Needs extends Columns, Adds extends Columns>(
  stage: Stage<Needs, Adds>,
): Stage<Needs, Adds> {
  return {
    ...stage,
    async *apply<R extends Row<Needs>>(rows: AsyncIterable<R>, run: Parameters<typeof stage.apply>[1]) {
      const all: R[] = []
      for await (const row of rows) all.push(row)
      yield* stage.apply(eachOf(all.sort((a, b) => varianceOf(b) - varianceOf(a))), run)
    },
  }
}

async function* eachOf<T>(rows: readonly T[]): AsyncGenerator<T> {
  await Promise.resolve()
  yield* rows
}
