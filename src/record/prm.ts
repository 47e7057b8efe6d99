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
  labels: col.list(col.bool('good'), 'some answer through the end of the step came out right'),
  values: col.list(
    col.double('probability'),
    'success probability at the end of the step, by all rollouts of the trace, weighed by exact log-probabilities',
  ),
  values_low: col.list(col.double('probability'), 'lower end of its 95 % interval, normal'),
  values_high: col.list(col.double('probability'), 'upper end'),
  trials: col.list(
    col.int32('rollouts'),
    'how many rollouts pass it, wherever they were launched; 1 for the finished trace, whose verdict is known',
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
      labels: steps.map(({ right }) => right),
      values: steps.map(({ value }) => value),
      values_low: steps.map(({ value_low: low }) => low),
      values_high: steps.map(({ value_high: high }) => high),
      trials: steps.map(({ trials }) => trials),
      question_id: id,
      trace_id: traceId,
      model_id: modelId,
    },
  ],
}
