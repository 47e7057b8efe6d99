import { join } from 'node:path'
import { z } from 'zod'
import { FulcrumError } from '../../errors.ts'
import type { Manifest } from '../../store/manifest.ts'
import { parquetInfo, readParquet } from '../../store/parquet-reader.ts'

/** A dataset on disk. */
export interface Dataset {
  readonly manifest: Manifest
  readonly folder: string
}

/** A column that older datasets lack. */
const later = <T extends z.ZodType>(type: T) => type.nullable().default(null)
const [text, figure, whole, yes] = [z.string(), z.number(), z.int(), z.boolean()]
/** A token that the sampler cuts off has none: this many nats below, its probability is 0 too, and JSON can carry it. */
const logprob = figure.or(z.literal(-Infinity)).transform((nats) => Math.max(nats, -1000))
const evidence = figure.or(z.literal(Infinity))
/** A candidate for which a cap left no rollouts had none. */
const measured = figure.or(z.nan())

/** The columns of each config that the explorer shows; those it cannot do without are not `later`. */
export const schemas = {
  search_trace: z.object({
    ...{ question_id: text, trace_id: text, problem: text, answer: later(text) },
    ...{ trace_ids: z.array(whole), trace_tokens: z.array(text) },
    ...{ logprobs: later(z.array(logprob)), pruned: later(z.array(yes)) },
    nodes: z.array(
      z.object({
        ...{ node: whole, successes: whole, trials: whole, low: figure, high: figure },
        ...{ launched: whole, forced_launched: whole },
        ...{ value: later(figure), value_low: later(figure), value_high: later(figure) },
      }),
    ),
    spent: later(
      z.object({
        ...{ search_rollouts: whole, confirm_rollouts: whole, pair_rollouts: whole, known_rollouts: whole },
        ...{ tokens: whole, candidates: whole, stopped_by: text },
      }),
    ),
    ...{ mode: later(text), unit: later(text), squared_change: later(figure), on_policy: later(yes) },
    ...{ model_id: later(text), sampler_fingerprint: later(text), verifier_id: later(text) },
  }),
  pivotal_tokens: z.object({
    ...{ question_id: text, trace_id: text, query: text, position: whole },
    ...{ prob_before: measured, prob_after: measured, prob_delta: measured },
    ...{ delta_low: measured, delta_high: measured },
    ...{ n_before: later(whole), n_after: later(whole), confirmed: yes, trace_length: later(whole) },
    ...{ known_before: later(figure), known_after: later(figure) },
    ...{ unit_tokens: later(whole), e_value: later(evidence), search_delta: later(figure) },
    ...{ logprob: later(logprob), logprob_is_lower_bound: later(yes), entropy: later(figure) },
    ...{ is_greedy: later(yes), estimator: later(text), on_policy: later(yes), model_id: later(text) },
    ...{ pass_rate: later(figure), trace_ids: later(z.array(whole)), trace_tokens: later(z.array(text)) },
    ...{ chosen_token: later(text), rejected_token: later(text) },
    ...{ chosen_token_id: later(whole), rejected_token_id: later(whole) },
    ...{ prob_chosen: later(figure), prob_chosen_low: later(figure), prob_chosen_high: later(figure) },
    ...{ n_chosen: later(whole), logprob_chosen: later(logprob) },
    ...{ prob_rejected: later(figure), prob_rejected_low: later(figure), prob_rejected_high: later(figure) },
    ...{ n_rejected: later(whole), logprob_rejected: later(logprob) },
  }),
  dpo_pivotal: z.object({
    ...{ question_id: text, trace_id: text, prompt: text, chosen: text, rejected: text },
    metadata: later(z.object({ original_query: text })),
    ...{ position: whole, trace_length: whole, prob_before: figure, prob_delta: figure },
    ...{ delta_low: figure, delta_high: figure, confirmed: yes, model_id: later(text) },
    ...{ prob_chosen: figure, prob_chosen_low: figure, prob_chosen_high: figure, n_chosen: whole },
    ...{ prob_rejected: figure, prob_rejected_low: figure, prob_rejected_high: figure, n_rejected: whole },
    ...{ logprob_chosen: later(logprob), logprob_rejected: later(logprob), e_value: later(evidence) },
    estimator: later(text),
  }),
  dpo_branch_text: z.object({
    ...{ question_id: text, trace_id: text, position: whole, chosen: text, rejected: text },
  }),
  rollouts: z.object({
    ...{ question_id: text, trace_id: text, node_depth: whole, purpose: text },
    ...{ token_ids: z.array(whole), verdict: text },
    ...{ banned_ids: later(z.array(whole)), given_ids: later(z.array(whole)) },
    // Before answers that were seen were kept from, there was one of each at most.
    ...{ banned_id: later(whole), given_id: later(whole) },
  }),
}

export type RowOf<Config extends keyof typeof schemas> = z.output<(typeof schemas)[Config]>

/** Rows of a config, in the order of its shards; none where the dataset lacks the config. */
export async function* rowsOf<Config extends keyof typeof schemas>(
  { manifest, folder }: Dataset,
  config: Config,
  without: readonly string[] = [],
): AsyncGenerator<RowOf<Config>> {
  const schema = schemas[config]
  for (const { file } of manifest.configs[config]?.shards ?? []) {
    const path = join(folder, file)
    const there = new Set((await parquetInfo(path)).columns.map(({ name }) => name))
    const columns = Object.keys(schema.shape).filter((name) => there.has(name) && !without.includes(name))
    let row = 0
    for await (const raw of readParquet(path, { columns })) {
      const parsed = schema.safeParse(raw)
      if (!parsed.success) throw misfit(path, row, parsed.error)
      yield parsed.data as RowOf<Config>
      row++
    }
  }
}

function misfit(path: string, row: number, error: z.ZodError): FulcrumError {
  const issues = error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`)
  return new FulcrumError(
    'data',
    `${path}, row ${row}: ${issues.join('; ')}`,
    'The explorer reads datasets of fulcrum run; docs/columns.md lists their columns.',
  )
}

/** One name for a trace in every config. */
export const keyOf = (row: { readonly question_id: string; readonly trace_id: string }): string =>
  JSON.stringify([row.question_id, row.trace_id])
