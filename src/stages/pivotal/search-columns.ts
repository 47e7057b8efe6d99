import { createHash } from 'node:crypto'
import type { TokenScore } from '../../model/model.ts'
import type { SearchSettings } from './find-pivotal-tokens.ts'
import { nodesOf, stepsOf } from './nodes.ts'
import { givenOf } from './on-trace.ts'
import { type Bought, samplingRule } from './rollouts.ts'
import type { SearchResult } from './search/result.ts'
import { pruneMargin, type Rollout } from './search/source.ts'

/** A trace that is to be searched. */
export interface Trace {
  readonly promptIds: readonly number[]
  readonly traceIds: readonly number[]
  readonly scores: readonly TokenScore[]
  /** Text of each token, and nodes at the ends of sentences. */
  readonly tokens: readonly string[]
  readonly ends: readonly number[]
  readonly onPolicy: boolean
  readonly correct: boolean
}

/** Columns of a trace that are known before it is searched. */
export function traceColumns(
  of: SearchSettings,
  { promptIds, traceIds, scores, tokens, ends, onPolicy }: Trace,
) {
  const { student, tokenizer, verifier, mode, unit, task, gap, maxTokens } = of
  return {
    trace_ids: traceIds,
    trace_tokens: tokens,
    logprobs: scores.map(({ logprob }) => logprob),
    pruned: scores.map(({ logprob }) => -Math.expm1(logprob) < pruneMargin * gap),
    sentence_ends: ends,
    unit,
    on_policy: onPolicy,
    model_id: student.id,
    sampler_fingerprint: JSON.stringify({ ...samplingRule(of), maxTokens }),
    tokenizer_sha256: tokenizer.sha256,
    chat_template_sha256: tokenizer.chatTemplateSha256,
    task_type: task,
    search_mode: mode,
    rollout_verifier_id: verifier.id,
    policy_prompt: tokenizer.decode(promptIds),
    policy_prompt_ids: promptIds,
    policy_added_bos: tokenizer.addedBos,
  }
}

interface Drawn {
  readonly bought: readonly Bought[]
  /** Those of them that say something of the trace, mapped onto it, and those that were bought before the search. */
  readonly own: readonly Rollout[]
  readonly known: readonly Rollout[]
}

/** Columns of what the search found and took. */
export function resultColumns(
  { student }: SearchSettings,
  { promptIds, traceIds, tokens, ends, correct }: Trace,
  { spent, squaredChange, values }: SearchResult,
  { bought, own, known }: Drawn,
) {
  const along = [...known, ...own]
  const launched = own.filter((_, i) => bought[i]?.purpose !== 'pair')
  const bill = (purpose: Bought['purpose']): number => bought.filter((one) => one.purpose === purpose).length
  return {
    nodes: nodesOf(along, launched, values),
    spent: {
      search_rollouts: bill('search'),
      confirm_rollouts: bill('confirm'),
      pair_rollouts: bill('pair'),
      known_rollouts: known.length,
      tokens: bought.reduce((sum, { ids }) => sum + ids.length, 0),
      candidates: spent.candidates,
      stopped_by: spent.stoppedBy ?? '',
    },
    squared_change: squaredChange,
    steps: stepsOf(along, { tokens, ends, correct, values }),
    rollouts: bought.map((one) => rolloutRow(one, student.id, { promptIds, traceIds })),
  }
}

function rolloutRow(
  of: Bought,
  model: string,
  { promptIds, traceIds }: Pick<Trace, 'promptIds' | 'traceIds'>,
) {
  const { prefix, ids, seed, sample, purpose, banned } = of
  const content = JSON.stringify([model, promptIds, prefix, seed, sample, ids])
  return {
    rollout_id: createHash('sha256').update(content).digest('hex').slice(0, 32),
    node_depth: prefix.length,
    launch_seq: of.launchSeq,
    purpose,
    banned_ids: banned,
    given_ids: givenOf(of, traceIds),
    token_ids: ids,
    logprobs: of.logprobs,
    finish_reason: of.finishReason,
    answer: of.answer,
    verdict: of.verdict,
    prompt_tokens: of.promptTokens,
    cached_tokens: of.cachedTokens,
    completion_tokens: ids.length,
    seed,
    sample,
  }
}
