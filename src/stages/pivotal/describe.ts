import type { Model, Tokenizer } from '../../model/model.ts'
import type { Row } from '../../record/columns.ts'
import type { pivotColumns } from '../../record/pivotal-tokens.ts'
import { differenceInterval } from '../../statistics/difference.ts'
import { share, wilson } from '../../statistics/estimate.ts'
import type { Sampler } from '../generate-traces.ts'
import { certifyPair, type TokenPair } from './pair.ts'
import { type NodeSample, type RolloutProcess, samplingRule } from './rollouts.ts'
import { rounding } from './search.ts'

interface Searcher extends Sampler {
  readonly student: Model
  readonly tokenizer: Tokenizer
  readonly gap: number
  readonly rollouts: number
  readonly prune: boolean
}

interface Found {
  readonly promptIds: readonly number[]
  readonly traceIds: readonly number[]
  readonly logprobs: readonly number[]
  readonly onPolicy: boolean
  readonly nodes: ReadonlyMap<number, NodeSample>
  readonly position: number
  readonly process: RolloutProcess
}

/** The row of a pivotal token: its probabilities estimated anew, on rollouts that did not select it, and its pair. */
export async function describePivot(
  of: Searcher,
  { promptIds, traceIds, logprobs, onPolicy, nodes, position, process }: Found,
): Promise<Row<typeof pivotColumns>> {
  const { student, tokenizer, gap, rollouts } = of
  const tokenId = traceIds[position] as number
  const prefix = traceIds.slice(0, position)
  const [searchBefore, searchAfter] = [
    nodes.get(position) as NodeSample,
    nodes.get(position + 1) as NodeSample,
  ]
  const searchDelta = share(searchAfter.estimate) - share(searchBefore.estimate)
  const freshBefore = await process.sample(prefix, rollouts, 'confirm')
  const [before, after] = [
    freshBefore.estimate,
    (await process.sample([...prefix, tokenId], rollouts, 'confirm')).estimate,
  ]
  const delta = share(after) - share(before)
  const interval = differenceInterval(before, after)
  const confirmed = Math.abs(delta) >= gap - rounding && Math.sign(delta) === Math.sign(searchDelta)
  const samples = [searchBefore, freshBefore]
  const pair = confirmed
    ? await certifyPair({ prefix, tokenId, after, before, samples, gap, rollouts }, process)
    : null
  return {
    model_id: student.id,
    pivot_context: tokenizer.decode([...promptIds, ...prefix]),
    pivot_token: tokenizer.decode([tokenId]),
    pivot_token_id: tokenId,
    prob_before: share(before),
    prob_after: share(after),
    prob_delta: delta,
    is_positive: delta > 0,
    delta_low: interval.low,
    delta_high: interval.high,
    n_before: before.trials,
    n_after: after.trials,
    search_delta: searchDelta,
    confirmed,
    estimator: of.prune ? 'published+prune' : 'published',
    position,
    trace_length: traceIds.length,
    logprob: logprobs[position] as number,
    on_policy: onPolicy,
    policy_prompt_ids: promptIds,
    trace_ids: traceIds,
    trace_tokens: traceIds.map((id) => tokenizer.decode([id])),
    sampler_fingerprint: JSON.stringify({ ...samplingRule(of), maxTokens: of.maxTokens }),
    tokenizer_sha256: tokenizer.sha256,
    chat_template_sha256: tokenizer.chatTemplateSha256,
    ...pairColumns(pair, tokenizer),
  }
}

function pairColumns(pair: TokenPair | null, tokenizer: Tokenizer) {
  const [chosen, rejected] = pair === null ? [null, null] : [wilson(pair.chosen), wilson(pair.rejected)]
  return {
    chosen_id: pair?.chosenId ?? null,
    rejected_id: pair?.rejectedId ?? null,
    chosen_token: pair === null ? null : tokenizer.decode([pair.chosenId]),
    rejected_token: pair === null ? null : tokenizer.decode([pair.rejectedId]),
    prob_chosen: pair === null ? null : share(pair.chosen),
    prob_chosen_low: chosen?.low ?? null,
    prob_chosen_high: chosen?.high ?? null,
    n_chosen: pair?.chosen.trials ?? null,
    prob_rejected: pair === null ? null : share(pair.rejected),
    prob_rejected_low: rejected?.low ?? null,
    prob_rejected_high: rejected?.high ?? null,
    n_rejected: pair?.rejected.trials ?? null,
  }
}
