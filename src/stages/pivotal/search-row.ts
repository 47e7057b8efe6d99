import type { Tokenizer } from '../../model/model.ts'
import type { Dropped } from '../../pipeline/constructors.ts'
import type { Run } from '../../pipeline/stage.ts'
import type { Row } from '../../record/columns.ts'
import type { pivotFields } from '../../record/pivotal-tokens.ts'
import type { searchColumns } from '../../record/search-trace.ts'
import { rngFor } from '../../statistics/random.ts'
import { leastSearch } from './budget.ts'
import { describePivots } from './describe.ts'
import type { SearchSettings, TraceRow } from './find-pivotal-tokens.ts'
import { inPrefixOrder } from './prefix-order.ts'
import { gateRollouts, type Question } from './question.ts'
import { alongTrace, answerTo, launchOf, onTrace } from './on-trace.ts'
import { type Bought, canForce, rolloutProcess, samplingRule } from './rollouts.ts'
import { resultColumns, type Trace, traceColumns } from './search-columns.ts'
import type { SearchResult } from './search/result.ts'
import { searchTrace } from './search/search-trace.ts'
import { searchUnitsFirst } from './search/units-first.ts'
import type { Rollout } from './search/source.ts'
import { sentenceEnds } from './sentences.ts'

interface Shared {
  readonly question: Question
  /** Most rollouts for this trace, and what its question is worth. */
  readonly budget: number
  readonly wanted: number
  /** To be told what was used. */
  readonly settle: (used: number) => void
}

/** The row of a searched trace. */
export async function searchRow(
  of: SearchSettings,
  row: TraceRow,
  shared: Shared,
  run: Run,
): Promise<readonly Row<typeof searchColumns>[] | Dropped> {
  const { tokenizer, student, maxTokens } = of
  const traceIds = exactIds(tokenizer, row)
  if (traceIds === null) return { drop: "trace changed by the policy's tokenizer" }
  if (traceIds.length > maxTokens) return { drop: 'trace longer than the token limit' }
  if (shared.budget < Math.min(shared.wanted, leastSearch)) return { drop: 'no rollouts left in this run' }
  const promptIds = promptOf(tokenizer, row)
  const scores = await student.score([...promptIds, ...traceIds], {
    ...samplingRule(of),
    from: promptIds.length,
    signal: run.signal,
  })
  const tokens = traceIds.map((id) => tokenizer.decode([id]))
  const ends = [...sentenceEnds(tokens.slice(0, -1), of.stepEnds).slice(0, -1), traceIds.length]
  const { verdict } = await shared.question.judge([], traceIds, 'stop')
  const onPolicy = row.teacher_model === student.id
  const trace = { promptIds, traceIds, scores, tokens, ends, onPolicy, correct: verdict === 'equal' }
  return [await searched(of, row, trace, shared, run)]
}

async function searched(
  of: SearchSettings,
  row: TraceRow,
  trace: Trace,
  { question, budget, settle }: Shared,
  run: Run,
): Promise<Row<typeof searchColumns>> {
  const { promptIds, traceIds, scores, ends, onPolicy, correct } = trace
  const gate = gateRollouts(row, { eos: of.tokenizer.eos.id, maxTokens: of.maxTokens, onPolicy })
  const known = mapped([...gate, ...question.rollouts], traceIds)
  const { judge } = question
  const key = [run.seed, 'findPivotalTokens', row.trace_id]
  const process = rolloutProcess({ ...of, promptIds, judge, key, run })
  const search = of.unit === 'sentence' ? searchUnitsFirst : searchTrace
  const result = await search(
    {
      logprobs: scores.map(({ logprob }) => logprob),
      lowerBounds: scores.map(({ isLowerBound }) => isLowerBound === true),
      ...(of.unit === 'sentence' && { units: ends }),
      known,
      correct,
    },
    {
      canForce: canForce(of),
      canBranch: canForce(of),
      draw: inPrefixOrder(async (ask) => {
        const { prefix, banned } = launchOf(ask, traceIds)
        // Fewer than wanted: the budget is spent.
        const granted = Math.min(ask.n, budget - process.launched())
        return answerTo(ask, await process.draw(prefix, granted, ask.purpose, banned), traceIds)
      }),
    },
    { ...of, maxRollouts: budget, key },
  )
  const left = (): number => budget - process.launched()
  const random = rngFor(...key, 'pairs')
  const { leaves } = result
  const pivots = await describePivots(of, { ...trace, leaves, random, process, run, left }, result.pivots)
  const bought = process.bought()
  const own = bought.flatMap((one) => alongTrace(one, traceIds) ?? [])
  question.rollouts.push(...bought)
  settle(bought.length)
  countSearch(run, trace, result, pivots)
  return {
    ...traceColumns(of, trace),
    ...resultColumns(of, trace, result, { bought, own, known }),
    pivotal_tokens: pivots,
  }
}

const mapped = (rollouts: readonly Bought[], traceIds: readonly number[]): readonly Rollout[] =>
  rollouts.flatMap((rollout) => onTrace(rollout, traceIds) ?? [])

function countSearch(
  run: Run,
  { traceIds, onPolicy }: Trace,
  { spent, squaredChange, values }: SearchResult,
  pivots: readonly Row<typeof pivotFields>[],
): void {
  run.count('traces_searched')
  run.count('trace_tokens', traceIds.length)
  run.count('trace_tokens_pruned', spent.prunedTokens)
  run.count('pivotal_tokens', pivots.length)
  run.count('pivotal_tokens_confirmed', pivots.filter(({ confirmed }) => confirmed).length)
  run.count('certified_pairs', pivots.filter(({ chosen_id: id }) => id !== null).length)
  if (spent.stoppedBy !== null) run.count('searches_stopped_by_a_cap')
  if (!onPolicy) return
  // On average the squared changes of a trace that the policy wrote sum up to p (1 - p): a run with more reports noise.
  const p = values[0]?.value ?? 0.5
  run.count('on_policy_traces')
  run.count('squared_change_thousandths', Math.round(1000 * squaredChange))
  run.count('squared_change_bound_thousandths', Math.round(1000 * p * (1 - p)))
}

/** What the policy is given for a problem. */
export const promptOf = (tokenizer: Tokenizer, { problem }: Pick<TraceRow, 'problem'>): readonly number[] =>
  tokenizer.encode(tokenizer.renderChat([{ role: 'user', content: problem }]))

/** The trace's own ids where they are the student's, else its text encoded once by the student's tokenizer; null if
 *  that cannot spell it. */
function exactIds(
  tokenizer: Tokenizer,
  { completion, completion_ids: ids }: TraceRow,
): readonly number[] | null {
  const whole = completion + tokenizer.eos.text
  if (ids !== null && tokenizer.decode(ids) === whole) return ids
  const encoded = [...tokenizer.encode(completion), tokenizer.eos.id]
  return tokenizer.decode(encoded) === whole ? encoded : null
}
