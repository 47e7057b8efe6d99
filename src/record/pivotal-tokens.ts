import { causalEvent, withSides } from './causal-event.ts'
import { col, type Columns } from './columns.ts'
import type { Shape } from './shape.ts'

const id = col.int32('token id')

/** What is known of a pivotal token, of a pair only where one was certified. */
const evidence = {
  pivot_context: col.string('prompt and trace before the token, as text'),
  pivot_token: col.string('text of the token, or of the whole sentence'),
  pivot_token_id: col.int32('its id, or the first of the sentence'),
  prob_before: col.double('success probability before the token, from fresh rollouts'),
  prob_after: col.double('success probability after it, from fresh rollouts'),
  prob_after_low: col.double('lower end of its 95 % interval, between what is known'),
  prob_after_high: col.double('upper end'),
  prob_delta: col.double('prob_after - prob_before'),
  is_positive: col.bool('the token raises the probability'),
  delta_low: col.double('lower end of the 95 % interval of prob_delta'),
  delta_high: col.double('upper end'),
  n_before: col.int32(
    'fresh rollouts before the token; those that took another one, where prob_before is stratified',
  ),
  n_after: col.int32('fresh rollouts after it; 0 where all of it is known'),
  known_before: col.double(
    'share of what can come of another token that is known from answers seen, whose probabilities are exact; the fresh rollouts are of the rest',
  ),
  known_after: col.double('the same after the token; 1 where it ends the answer'),
  search_delta: col.double('the change that the search saw, on rollouts of its own'),
  confirmed: col.bool(
    'the fresh rollouts show a change of at least the gap in the same direction, at the false discovery rate asked for',
  ),
  estimator: col.string(
    'how it was found; and how often the policy takes another token: exactly known (stratified), or counted',
  ),
  unit_tokens: col.int32('1 for a token; tokens of a sentence that was searched as a whole'),
  position: col.int32('tokens of the trace before it'),
  sentence_index: col.int32('number of the sentence it lies in, or is, from 0'),
  trace_length: col.int32('tokens of the trace, end token included'),
  e_value: col.double(
    'e-value of the fresh rollouts against a change of less than half the gap; 4.6e299, the largest written, where what is known excludes it alone',
  ),
  logprob: col.double('log-probability of the token (of the whole sentence) under the sampler, nats'),
  logprob_is_lower_bound: col.bool('the engine lists a few likeliest tokens only: logprob is this at least'),
  entropy: col.nullable(
    col.double(
      "entropy of the sampler's distribution there, nats; null of a whole sentence, and where the engine does not tell",
    ),
  ),
  is_greedy: col.nullable(
    col.bool('no token is more likely there; null of a whole sentence, and where the engine does not tell'),
  ),
  chosen_token: col.nullable(col.string('its text')),
  rejected_token: col.nullable(col.string('its text')),
  prob_chosen: col.nullable(col.double('success probability after the chosen token, fresh rollouts')),
  prob_chosen_low: col.nullable(col.double('lower end of its 95 % score interval, between what is known')),
  prob_chosen_high: col.nullable(col.double('upper end')),
  n_chosen: col.nullable(col.int32('its fresh rollouts')),
  known_chosen: col.nullable(col.double('share of what can come of it that is known from answers seen')),
  logprob_chosen: col.nullable(col.double('its log-probability under the sampler, nats')),
  prob_rejected: col.nullable(col.double('success probability after the rejected token, fresh rollouts')),
  prob_rejected_low: col.nullable(col.double('lower end of its 95 % score interval, between what is known')),
  prob_rejected_high: col.nullable(col.double('upper end')),
  n_rejected: col.nullable(col.int32('its fresh rollouts')),
  known_rejected: col.nullable(col.double('the same after the rejected token')),
  logprob_rejected: col.nullable(col.double('its log-probability under the sampler, nats')),
  pair_delta_low: col.nullable(
    col.double('lower end of the 95 % Newcombe interval of prob_chosen - prob_rejected'),
  ),
  pair_delta_high: col.nullable(col.double('upper end')),
  pair_e_value: col.nullable(col.double('e-value of the two sides against equal success probabilities')),
} satisfies Columns

const chosenId = col.nullable(col.int32('token of the better side; null without a certified pair'))
const rejectedId = col.nullable(col.int32('token of the worse side'))
const branch = (meaning: string) => ({
  ids: col.nullable(col.list(id, `${meaning}: exact ids, the token first, end token included`)),
  text: col.nullable(col.string(`${meaning}: text, the end token written out`)),
})
const [chosenBranch, rejectedBranch] = [
  branch('a whole answer from the chosen token on, verified correct'),
  branch('a whole answer from the rejected token on, verified wrong'),
]

/** A pivotal token as the row of its trace carries it. */
export const pivotFields = {
  ...evidence,
  chosen_id: chosenId,
  rejected_id: rejectedId,
  chosen_branch_ids: chosenBranch.ids,
  chosen_branch: chosenBranch.text,
  rejected_branch_ids: rejectedBranch.ids,
  rejected_branch: rejectedBranch.text,
}

/** Of the searched trace, what its pivotal tokens are told with. */
export const traceFields = {
  model_id: col.string('policy whose pivotal token this is'),
  task_type: col.string('kind of task, as math or code'),
  unit: col.string('what was searched: token, or sentence and then the tokens inside'),
  on_policy: col.bool('the trace was written by the policy itself'),
  trace_ids: col.list(id, 'the searched trace, end token included'),
  trace_tokens: col.list(col.string('token text'), 'the same as text, token by token'),
  sampler_fingerprint: col.string('sampling rule and token cap of every rollout'),
  tokenizer_sha256: col.string("the policy's tokenizer.json"),
  chat_template_sha256: col.nullable(col.string("the policy's chat template")),
}

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  trace_id: col.string('trace id'),
  pass_rate: col.double("the student's pass rate on the problem"),
  rollout_verifier_id: col.string('rule that judged the rollouts'),
  policy_prompt_ids: col.list(id, "the policy's prompt"),
  ...traceFields,
  ...pivotFields,
}

const columns = {
  query: col.string('problem text'),
  ...evidence,
  rejected_token_id: rejectedId,
  chosen_token_id: chosenId,
  dataset_item_id: col.string('problem id, under the name that the public PTS tools have for it'),
  question_id: col.string('problem id'),
  trace_id: needs.trace_id,
  pass_rate: needs.pass_rate,
  verifier_id: needs.rollout_verifier_id,
  ...traceFields,
  prefix_ids: col.list(id, 'exact ids of pivot_context'),
}

/** Every pivotal token found, paired or not. Names of the public PTS tools first; of theirs it leaves out timestamp, since
 *  equal runs must give equal bytes, and dataset_id, which the manifest knows. */
export const pivotalTokens: Shape<typeof needs, typeof columns> = {
  config: 'pivotal_tokens',
  needs,
  columns,
  rows: ({ id: questionId, problem, policy_prompt_ids: promptIds, chosen_id, rejected_id, ...row }) => [
    {
      question_id: questionId,
      dataset_item_id: questionId,
      query: problem,
      ...row,
      verifier_id: row.rollout_verifier_id,
      chosen_token_id: chosen_id,
      rejected_token_id: rejected_id,
      prefix_ids: [...promptIds, ...row.trace_ids.slice(0, row.position)],
    },
  ],
  sidecars: [
    {
      file: 'pivotal_tokens.jsonl',
      without: ['trace_ids', 'trace_tokens', 'prefix_ids'],
      // Their older form has another file for sentences.
      line: (row) => (measured(row) && row.unit_tokens === 1 ? withSides(row) : null),
    },
    {
      file: 'causal_events.jsonl',
      without: ['trace_ids', 'trace_tokens'],
      line: (row) => (measured(row) ? causalEvent(row) : null),
    },
  ],
}

/** A row without probabilities has nothing to show: JSON has no number for them. */
const measured = (row: { readonly prob_before: number; readonly prob_after: number }): boolean =>
  Number.isFinite(row.prob_before) && Number.isFinite(row.prob_after)
