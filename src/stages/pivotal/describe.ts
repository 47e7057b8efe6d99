import type { Model, Tokenizer, TokenScore } from '../../model/model.ts'
import type { Run } from '../../pipeline/stage.ts'
import type { Row } from '../../record/columns.ts'
import type { pivotFields } from '../../record/pivotal-tokens.ts'
import type { Random } from '../../statistics/random.ts'
import { intervalOf, probability, rangeOf, trialsOf } from '../../statistics/side.ts'
import type { Sampler } from '../generate-traces.ts'
import { certifyPair, type TokenPair } from './pair.ts'
import { noPair, pairColumns } from './pair-columns.ts'
import type { RolloutProcess } from './rollouts.ts'
import type { Pivot, SearchMode } from './search/result.ts'
import type { Leaves } from './search/leaves.ts'

export interface Searcher extends Sampler {
  readonly student: Model
  readonly tokenizer: Tokenizer
  readonly mode: SearchMode
  readonly unit: 'token' | 'sentence'
  readonly gap: number
  readonly pairRollouts: number
}

/** A trace whose search has ended. */
export interface Searched {
  readonly promptIds: readonly number[]
  readonly traceIds: readonly number[]
  readonly scores: readonly TokenScore[]
  /** Nodes at the ends of its sentences. */
  readonly ends: readonly number[]
  readonly correct: boolean
  /** The answers that its rollouts gave, where their probabilities are known. */
  readonly leaves: Leaves | null
  /** Keys where pairs draw. */
  readonly random: Random
  readonly process: RolloutProcess
  readonly run: Run
  /** Rollouts that the trace may still take. */
  readonly left: () => number
}

/** Pivotal tokens as their rows tell them, with their pairs where some can be certified. */
export async function describePivots(
  of: Searcher,
  trace: Searched,
  pivots: readonly Pivot[],
): Promise<readonly Row<typeof pivotFields>[]> {
  // One after the other: what one pair's rollouts show of a token is known to the next.
  const pairs: (TokenPair | null)[] = []
  for (const pivot of pivots) pairs.push(await pairOf(of, trace, pivot))
  // The branches of a pair may be any rollouts of the trace: now all are there.
  return Promise.all(pivots.map((pivot, i) => describePivot(of, trace, pivot, pairs[i] ?? null)))
}

async function describePivot(
  of: Searcher,
  trace: Searched,
  pivot: Pivot,
  pair: TokenPair | null,
): Promise<Row<typeof pivotFields>> {
  const { tokenizer } = of
  const { promptIds, traceIds, scores, ends, process, run } = trace
  const { position, end, fresh } = pivot
  const [tokenId = -1] = traceIds.slice(position)
  const prefix = traceIds.slice(0, position)
  const unitScores = scores.slice(position, end)
  const logprob = unitScores.reduce((sum, score) => sum + score.logprob, 0)
  const bounded = unitScores.some(({ isLowerBound }) => isLowerBound === true)
  const [first] = unitScores
  const { low, high } = intervalOf(pivot.after)
  const rest = { ids: traceIds.slice(position), correct: trace.correct }
  const place = { promptIds, prefix, tokenId, logprob, bought: process.bought(), rest, run }
  return {
    pivot_context: tokenizer.decode([...promptIds, ...prefix]),
    pivot_token: tokenizer.decode(traceIds.slice(position, end)),
    pivot_token_id: tokenId,
    prob_before: pivot.probBefore,
    prob_after: pivot.probAfter,
    prob_after_low: Math.min(pivot.probAfter, low),
    prob_after_high: Math.max(pivot.probAfter, high),
    prob_delta: fresh.delta,
    is_positive: fresh.delta > 0,
    delta_low: fresh.low,
    delta_high: fresh.high,
    n_before: trialsOf(pivot.other),
    n_after: trialsOf(pivot.after),
    known_before: 1 - rangeOf(pivot.other),
    known_after: 1 - rangeOf(pivot.after),
    search_delta: pivot.search.delta,
    confirmed: pivot.confirmed,
    estimator: estimatorOf(of, end - position > 1, bounded),
    unit_tokens: end - position,
    position,
    sentence_index: ends.findIndex((sentence) => sentence > position),
    trace_length: traceIds.length,
    e_value: pivot.eValue,
    logprob,
    logprob_is_lower_bound: bounded,
    // Of the first token's choice they would be, not of the whole unit.
    entropy: end > position + 1 ? null : (first?.entropy ?? null),
    is_greedy: end > position + 1 ? null : (first?.isGreedy ?? null),
    ...(pair === null ? noPair : await pairColumns(of, pair, place)),
  }
}

/** How the search came to a unit, and how its change was put together. */
function estimatorOf({ mode, unit }: Searcher, whole: boolean, bounded: boolean): string {
  const way = unit === 'token' ? [] : [whole ? 'whole sentence' : 'sentences first']
  return [mode, ...way, bounded ? 'leaving counted' : 'stratified'].join(', ')
}

/** Only single tokens that fresh rollouts have confirmed have a pair, and only while the budget lasts. */
async function pairOf(
  { gap, pairRollouts, tokenizer, maxTokens }: Searcher,
  { traceIds, scores, leaves, random, process, left, run }: Searched,
  { position, end, fresh, after, others, confirmed }: Pivot,
): Promise<TokenPair | null> {
  if (!confirmed || end !== position + 1) return null
  if (left() < pairRollouts) {
    run.count('pairs_without_budget')
    return null
  }
  const raises = fresh.delta > 0
  const question = {
    ...{ traceIds, position, raises, after, others, gap, rollouts: pairRollouts },
    ...{
      leaves,
      random,
      eos: tokenizer.eos.id,
      maxTokens,
      leave: -Math.expm1(scores[position]?.logprob ?? -Infinity),
    },
  }
  const pair = await certifyPair(question, process)
  return pair !== null && probability(pair.chosen) > probability(pair.rejected) ? pair : null
}
