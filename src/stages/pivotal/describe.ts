import type { Model, Tokenizer, TokenScore } from '../../model/model.ts'
import type { Row } from '../../record/columns.ts'
import type { pivotColumns } from '../../record/pivotal-tokens.ts'
import { differenceInterval } from '../../statistics/difference.ts'
import { equalSharesEValue, expectedShare } from '../../statistics/e-value.ts'
import { share } from '../../statistics/estimate.ts'
import type { Sampler } from '../generate-traces.ts'
import { certifyPair } from './pair.ts'
import { noPair, pairColumns } from './pair-columns.ts'
import { type NodeSample, type RolloutProcess, samplingRule } from './rollouts.ts'
import { rounding } from './search/published.ts'

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
  readonly scores: readonly TokenScore[]
  readonly onPolicy: boolean
  readonly nodes: ReadonlyMap<number, NodeSample>
  readonly position: number
  readonly process: RolloutProcess
}

/** The row of a pivotal token: its probabilities estimated anew, on rollouts that did not select it, and its pair. */
export async function describePivot(
  of: Searcher,
  { promptIds, traceIds, scores, onPolicy, nodes, position, process }: Found,
): Promise<Row<typeof pivotColumns>> {
  const { tokenizer, gap, rollouts } = of
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
  const evidence = { searchAfter: searchAfter.estimate, samples: [searchBefore, freshBefore] }
  const pair = confirmed
    ? await certifyPair({ prefix, tokenId, after, before, ...evidence, gap, rollouts }, process)
    : null
  const { logprob, entropy, isGreedy } = scores[position] as TokenScore
  const expected = [expectedShare(searchBefore.estimate), expectedShare(searchAfter.estimate)] as const
  return {
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
    position,
    trace_length: traceIds.length,
    e_value: equalSharesEValue([before, after], expected),
    logprob,
    entropy,
    is_greedy: isGreedy,
    on_policy: onPolicy,
    policy_prompt_ids: promptIds,
    trace_ids: traceIds,
    trace_tokens: traceIds.map((id) => tokenizer.decode([id])),
    ...processColumns(of),
    ...(pair === null
      ? noPair
      : await pairColumns(of, pair, { promptIds, prefix, tokenId, logprob, process })),
  }
}

/** What made the estimates. */
function processColumns(of: Searcher) {
  const { student, tokenizer, prune, maxTokens } = of
  return {
    model_id: student.id,
    estimator: prune ? 'published+prune' : 'published',
    policy_added_bos: tokenizer.addedBos,
    sampler_fingerprint: JSON.stringify({ ...samplingRule(of), maxTokens }),
    tokenizer_sha256: tokenizer.sha256,
    chat_template_sha256: tokenizer.chatTemplateSha256,
  }
}
