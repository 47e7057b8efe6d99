import { col, type Columns } from './columns.ts'
import type { Shape } from './shape.ts'

const id = col.int32('token id')

const rollout = {
  rollout_id: col.string('sha256 over policy, prompt, prefix, seed, number and tokens, 32 hex digits'),
  node_depth: col.int32('tokens of the answer before its launch'),
  launch_seq: col.int32(
    'its number among those launched from there for this purpose, in the order of launch',
  ),
  purpose: col.string('search; confirm: fresh, never used to select; pair: after the other token of a pair'),
  banned_ids: col.list(id, 'tokens that it was kept from beginning with'),
  given_ids: col.list(id, "last of the tokens before its launch, from the first that is not the trace's own"),
  token_ids: col.list(id, 'exact ids drawn, end token included'),
  logprobs: col.nullable(
    col.list(col.double('nats'), 'log-probability of each under the sampler; null where not told'),
  ),
  finish_reason: col.string('stop, or length: cut off, which counts as failed'),
  answer: col.nullable(col.string('answer that the verifier found in it')),
  verdict: col.string('equal, different or unparsed; truncated without a look at it'),
  prompt_tokens: col.int32('tokens of the prompt and the prefix'),
  cached_tokens: col.nullable(
    col.int32(
      'prompt tokens that the server had in its cache, over all rollouts of the request; told once, by its first',
    ),
  ),
  completion_tokens: col.int32('tokens drawn'),
  seed: col.int32('seed of its request'),
  sample: col.int32('its number in the request'),
} satisfies Columns

/** The rollouts of a searched trace, as its row carries them. */
export const rolloutList = col.list(col.struct(rollout, 'rollout'), 'every rollout bought for the trace')

const needs = {
  id: col.string('problem id'),
  trace_id: col.string('trace id'),
  model_id: col.string('policy that drew them'),
  rollout_verifier_id: col.string('rule that judged them'),
  sampler_fingerprint: col.string('sampling rule and token cap of every rollout'),
  rollouts: rolloutList,
}

const columns = {
  question_id: needs.id,
  trace_id: col.string('trace that it was bought for; it may have served others of the question too'),
  ...rollout,
  verifier_id: needs.rollout_verifier_id,
  sampler_fingerprint: needs.sampler_fingerprint,
  endpoint_id: needs.model_id,
}

/** The ledger of a search: every rollout that it bought, in the order of node, purpose and launch. No latency and no time of
 *  creation: equal runs give equal bytes. */
export const rollouts: Shape<typeof needs, typeof columns> = {
  config: 'rollouts',
  needs,
  columns,
  rows: (row) =>
    row.rollouts.map((one) => ({
      ...one,
      question_id: row.id,
      trace_id: row.trace_id,
      verifier_id: row.rollout_verifier_id,
      sampler_fingerprint: row.sampler_fingerprint,
      endpoint_id: row.model_id,
    })),
}
