import { col, type Columns } from './columns.ts'
import { pivotFields } from './pivotal-tokens.ts'
import { rolloutList } from './rollouts.ts'
import type { Shape } from './shape.ts'

const id = col.int32('token id')

/** What a search did to a trace: columns of the stage and of the dataset alike. */
const search = {
  trace_ids: col.list(id, 'the searched trace, end token included'),
  trace_tokens: col.list(col.string('token text'), 'the same as text, token by token'),
  logprobs: col.list(col.double('nats'), "log-probability of each token under the rollouts' sampler"),
  pruned: col.list(col.bool('closed'), 'tokens whose log-probability alone excludes that they are pivotal'),
  sentence_ends: col.list(
    col.int32('tokens'),
    'node after the last token of each sentence, or of another step of the policy',
  ),
  nodes: col.list(
    col.struct(
      {
        node: col.int32('tokens of the trace before it'),
        successes: col.int32('correct ones among trials'),
        trials: col.int32('rollouts that reached it along the trace, kept from no token'),
        low: col.double('lower end of the 95 % Wilson interval'),
        high: col.double('upper end'),
        launched: col.int32('rollouts launched from it'),
        forced_launched: col.int32(
          "rollouts launched from it with the trace's next token banned, or off the trace after it",
        ),
        value: col.double(
          'success probability at it by all rollouts of the trace, weighed by exact log-probabilities',
        ),
        value_low: col.double('lower end of its 95 % interval, normal'),
        value_high: col.double('upper end'),
      },
      'node',
    ),
    'every node of the trace but the last',
  ),
  unit: col.string('what was searched: token, or sentence and then the tokens inside'),
  spent: col.struct(
    {
      search_rollouts: col.int32('rollouts that selected'),
      confirm_rollouts: col.int32('fresh rollouts that are reported'),
      pair_rollouts: col.int32('fresh rollouts after other tokens'),
      known_rollouts: col.int32('rollouts of the question bought before, by the gate or for other traces'),
      tokens: col.int32('tokens decoded'),
      candidates: col.int32('units that log-probabilities left to search'),
      stopped_by: col.string('the cap that ended the search early; empty without one'),
    },
    'what the search took',
  ),
  squared_change: col.double(
    'sum of squared changes; more than p (1 - p) on average is noise (martingale bound)',
  ),
  on_policy: col.bool('the trace was written by the policy itself'),
  model_id: col.string('policy that was searched'),
  sampler_fingerprint: col.string('sampling rule and token cap of every rollout'),
  tokenizer_sha256: col.string("the policy's tokenizer.json"),
  chat_template_sha256: col.nullable(col.string("the policy's chat template")),
} satisfies Columns

/** What findPivotalTokens adds to a row. */
export const searchColumns = {
  ...search,
  task_type: col.string('kind of task, as math or code'),
  search_mode: col.string('published, frugal or thorough'),
  rollout_verifier_id: col.string('rule that judged the rollouts'),
  policy_prompt: col.string("the policy's prompt, as text"),
  policy_prompt_ids: col.list(id, 'its exact ids'),
  policy_added_bos: col.nullable(
    col.string('beginning-of-sequence token that tokenizers add to it by themselves'),
  ),
  steps: col.list(
    col.struct(
      {
        text: col.string('text of the step'),
        value: col.double('success probability at its end'),
        value_low: col.double('lower end of its 95 % interval, normal'),
        value_high: col.double('upper end'),
        right: col.bool('some answer through its end is right'),
        trials: col.int32('rollouts whose answers pass its end'),
      },
      'step',
    ),
    'the trace by sentences and other steps at whose ends the success probability was measured',
  ),
  pivotal_tokens: col.list(col.struct(pivotFields, 'pivotal token'), 'what was found, in order of position'),
  rollouts: rolloutList,
}

const needs = {
  id: col.string('problem id'),
  problem: col.string('problem text'),
  answer: col.string('reference answer'),
  trace_id: col.string('trace id'),
  ...searchColumns,
}

const columns = {
  question_id: needs.id,
  trace_id: needs.trace_id,
  problem: needs.problem,
  answer: needs.answer,
  mode: searchColumns.search_mode,
  ...search,
  pivots: col.list(
    col.int32('tokens of the trace before it'),
    'position of each pivotal token, and of each sentence that was tested as a whole',
  ),
  verifier_id: searchColumns.rollout_verifier_id,
}

/** One row a searched trace, with pivotal tokens or without: where its rollouts went. */
export const searchTraces: Shape<typeof needs, typeof columns> = {
  config: 'search_trace',
  needs,
  columns,
  rows: (row) => [
    {
      ...row,
      question_id: row.id,
      mode: row.search_mode,
      pivots: row.pivotal_tokens.map(({ position }) => position),
      verifier_id: row.rollout_verifier_id,
    },
  ],
}
