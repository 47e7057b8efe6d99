import { col, type Row } from './columns.ts'
import { pivotFields, traceFields } from './pivotal-tokens.ts'
import { promptTextColumns, promptTexts } from './prompt-text.ts'
import type { Shape } from './shape.ts'

const id = col.int32('token id')
const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  trace_id: col.string('trace id'),
  rollout_verifier_id: col.string('rule that judged the rollouts'),
  policy_prompt_ids: col.list(id, "the policy's prompt"),
  policy_added_bos: col.nullable(
    col.string('beginning-of-sequence token that tokenizers add to it by themselves'),
  ),
  ...traceFields,
  ...pivotFields,
}

const columns = {
  ...promptTextColumns,
  chosen: col.string('text of the better token'),
  rejected: col.string('text of the worse token'),
  metadata: col.struct(
    {
      original_query: col.string('problem text'),
      prob_delta: col.double('prob_chosen - prob_rejected'),
      task_type: col.string('kind of task'),
    },
    'what the public PTS exporters write',
  ),
  prompt_ids: col.list(id, 'exact ids of the prompt'),
  chosen_ids: col.list(id, 'the chosen token, from a rollout or the trace, never re-encoded'),
  rejected_ids: col.list(id, 'the rejected token, likewise'),
  prob_before: pivotFields.prob_before,
  prob_chosen: col.double('success probability after the chosen token, fresh rollouts'),
  prob_chosen_low: col.double('lower end of its 95 % score interval, between what is known'),
  prob_chosen_high: col.double('upper end'),
  n_chosen: col.int32('its fresh rollouts'),
  known_chosen: col.double('share of what can come of it that is known from answers seen'),
  prob_rejected: col.double('success probability after the rejected token, fresh rollouts'),
  prob_rejected_low: col.double('lower end of its 95 % score interval, between what is known'),
  prob_rejected_high: col.double('upper end'),
  n_rejected: col.int32('its fresh rollouts'),
  known_rejected: col.double('the same after the rejected token'),
  prob_delta: col.double('prob_chosen - prob_rejected'),
  delta_low: col.double('lower end of its 95 % Newcombe interval'),
  delta_high: col.double('upper end'),
  e_value: col.double('e-value of the two sides against equal success probabilities (universal inference)'),
  estimator: pivotFields.estimator,
  confirmed: pivotFields.confirmed,
  logprob_chosen: col.double('log-probability of the chosen token under the sampler, nats'),
  logprob_rejected: col.double('log-probability of the rejected token under the sampler, nats'),
  entropy: pivotFields.entropy,
  is_greedy: col.nullable(
    col.bool(
      'no token is more likely there than the one the searched trace has; null where the engine does not tell',
    ),
  ),
  position: pivotFields.position,
  trace_length: pivotFields.trace_length,
  question_id: col.string('problem id'),
  trace_id: needs.trace_id,
  model_id: traceFields.model_id,
  tokenizer_sha256: traceFields.tokenizer_sha256,
  chat_template_sha256: traceFields.chat_template_sha256,
  sampler_fingerprint: traceFields.sampler_fingerprint,
  verifier_id: needs.rollout_verifier_id,
}

/** One preference pair a certified pivotal token: one token each side after the same exact prefix. */
export const dpoPivotal: Shape<typeof needs, typeof columns> = {
  config: 'dpo_pivotal',
  needs,
  columns,
  rows: (row) => {
    const evidence = evidenceOf(row)
    return evidence === null ? [] : [evidence]
  },
  sidecars: [{ file: 'dpo_pairs.jsonl', without: ['prompt_ids'] }],
}

/** The row of a certified pair; null where there is none. */
export function evidenceOf(row: Row<typeof needs>): Row<typeof columns> | null {
  const { chosen_id: chosen, rejected_id: rejected } = row
  if (chosen === null || rejected === null) return null
  const delta = (row.prob_chosen as number) - (row.prob_rejected as number)
  const { id: questionId, problem, policy_prompt_ids: promptIds, trace_ids: trace, position } = row
  return {
    ...kept(row),
    ...promptTexts(row.pivot_context, row.policy_added_bos),
    chosen: row.chosen_token as string,
    rejected: row.rejected_token as string,
    metadata: { original_query: problem, prob_delta: delta, task_type: row.task_type },
    prompt_ids: [...promptIds, ...trace.slice(0, position)],
    chosen_ids: [chosen],
    rejected_ids: [rejected],
    prob_delta: delta,
    delta_low: row.pair_delta_low as number,
    delta_high: row.pair_delta_high as number,
    e_value: row.pair_e_value as number,
    question_id: questionId,
    verifier_id: row.rollout_verifier_id,
  }
}

/** The columns that go through unchanged. */
function kept(row: Readonly<Record<string, unknown>>): Row<typeof columns> {
  const same = Object.keys(columns).flatMap((name) => (name in row ? [[name, row[name]] as const] : []))
  return Object.fromEntries(same) as Row<typeof columns>
}
