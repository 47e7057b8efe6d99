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
  readonly unit: string
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
 *  first JSON Lines file; token positions count from the first token of the prompt there. */
export function causalEvent(row: PivotalToken): object {
  const { model_id, task_type, dataset_item_id, query, pivot_context, pivot_token, pivot_token_id, ...more } =
    row
  const { prefix_ids, prob_before, prob_after, prob_delta, is_positive, ...evidence } = more
  const { unit, position, trace_id, estimator, confirmed } = evidence
  const ofToken = unit === 'token'
  return {
    event_id: `${trace_id}@${position}`,
    event_type: ofToken ? 'pivotal_token' : 'thought_anchor',
    granularity: unit,
    visibility: 'emitted',
    ...{ model_id, task_type, dataset_item_id, query },
    context: pivot_context,
    label: pivot_token,
    // Of a sentence they want its number, which a row does not have.
    position: ofToken ? prefix_ids.length : null,
    token_id: ofToken ? pivot_token_id : null,
    ...{ prob_before, prob_after, prob_delta },
    score: Math.abs(prob_delta),
    is_positive,
    search_method: `fulcrum, ${estimator}`,
    intervention_type: ofToken ? 'append_token' : null,
    tags: [confirmed ? 'confirmed' : 'not confirmed'],
    metadata: withSides(evidence),
  }
}

/** With the probability of either side of a pair again, under the names from which the public exporter of pairs takes it. */
export const withSides = <R extends Pick<PivotalToken, 'prob_chosen' | 'prob_rejected'>>(row: R) => ({
  ...row,
  chosen_prob: row.prob_chosen,
  rejected_prob: row.prob_rejected,
})
