import { col } from './columns.ts'
import type { Shape } from './shape.ts'
import { searchColumns } from './search-trace.ts'

const needs = {
  id: col.string('problem id'),
  trace_id: col.string('trace id'),
  model_id: searchColumns.model_id,
  policy_prompt: searchColumns.policy_prompt,
  steps: searchColumns.steps,
}

const columns = {
  prompt: col.string('rendered chat template'),
  completions: col.list(col.string('text of a step'), 'the trace, step by step'),
  labels: col.list(col.bool('good'), 'some rollout from the end of the step came out right'),
  values: col.list(col.double('share'), 'share of the rollouts from the end of the step that came out right'),
  trials: col.list(
    col.int32('rollouts'),
    'how many these were; 1 for the finished trace, whose verdict is known',
  ),
  question_id: needs.id,
  trace_id: needs.trace_id,
  model_id: needs.model_id,
}

/** Values along a trace for process reward models. The labels are the hard estimation of Math-Shepherd (Wang et al. 2024,
 *  arXiv:2312.08935, section 3.2), the values its soft one. */
export const prm: Shape<typeof needs, typeof columns> = {
  config: 'prm',
  needs,
  columns,
  rows: ({ id, trace_id: traceId, model_id: modelId, policy_prompt: prompt, steps }) => [
    {
      prompt,
      completions: steps.map(({ text }) => text),
      labels: steps.map(({ successes }) => successes > 0),
      values: steps.map(({ successes, trials }) => successes / trials),
      trials: steps.map(({ trials }) => trials),
      question_id: id,
      trace_id: traceId,
      model_id: modelId,
    },
  ],
}
