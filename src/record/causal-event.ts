/** What an event is told with: columns of `pivotal_tokens`. */
interface PivotalToken {
  readonly model_id: string
  readonly task_type: string
  readonly dataset_item_id: string
  readonly trace_id: string
  readonly query: string
  readonly pivot_context: string
  readonly pivot_token: string
  readonly pivot_token_id: number
  readonly unit_tokens: number
  readonly sentence_index: number
  readonly position: number
  readonly prefix_ids: readonly number[]
  readonly prob_before: number
  readonly prob_after: number
  readonly prob_delta: number
  readonly is_positive: boolean
  readonly estimator: string
  readonly confirmed: boolean
  /** Sides of a certified pair. */
  readonly prob_chosen: number | null
  readonly prob_rejected: number | null
}

/** A pivotal token in the unified schema of the public PTS tools (codelion/pts: a reasoning event, of which a token is one kind
 *  and a sentence another). Of a dataset on the Hub their viewer reads the file named after it before any other, and else the
 *  first JSON Lines file. The position of a token counts from the first token of the prompt there, that of a sentence is its
 *  number. */
export function causalEvent(row: PivotalToken): object {
  const { model_id, task_type, dataset_item_id, query, pivot_context, pivot_token, pivot_token_id, ...more } =
    row
  const { prefix_ids, prob_before, prob_after, prob_delta, is_positive, ...evidence } = more
  const { unit_tokens, sentence_index, position, trace_id, estimator, confirmed } = evidence
  const ofToken = unit_tokens === 1
  return {
    event_id: `${trace_id}@${position}${ofToken ? '' : `-${position + unit_tokens}`}`,
    event_type: ofToken ? 'pivotal_token' : 'thought_anchor',
    granularity: ofToken ? 'token' : 'sentence',
    visibility: 'emitted',
    ...{ model_id, task_type, dataset_item_id, query },
    context: pivot_context,
    label: pivot_token,
    position: ofToken ? prefix_ids.length : sentence_index,
    token_id: ofToken ? pivot_token_id : null,
    ...{ prob_before, prob_after, prob_delta },
    score: Math.abs(prob_delta),
    is_positive,
    search_method: `fulcrum, ${estimator}`,
    // With the sentence against going on without it, any other or the same: not against one that was put in its place.
    intervention_type: ofToken ? 'append_token' : 'remove_sentence',
    tags: [confirmed ? 'confirmed' : 'not confirmed'],
    metadata: { ...withSides(evidence), ...(!ofToken && { sentence_id: sentence_index }) },
  }
}

/** With the probability of either side of a pair again, under the names from which the public exporter of pairs takes it. */
export const withSides = <R extends Pick<PivotalToken, 'prob_chosen' | 'prob_rejected'>>(row: R) => ({
  ...row,
  chosen_prob: row.prob_chosen,
  rejected_prob: row.prob_rejected,
})
