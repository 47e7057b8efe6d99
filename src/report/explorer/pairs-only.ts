import type { Found } from './detail.ts'
import { type Dataset, keyOf, type RowOf, rowsOf } from './rows.ts'

/** Traces of a dataset that has certified pairs and nothing else of its search. */
export async function tracesOfPairs(dataset: Dataset): Promise<Found[]> {
  const traces = new Map<string, RowOf<'dpo_pivotal'>[]>()
  for await (const row of rowsOf(dataset, 'dpo_pivotal')) {
    const key = keyOf(row)
    traces.set(key, [...(traces.get(key) ?? []), row])
  }
  return [...traces].map(([key, pairs]) => ({
    ...{ key, search: null, rows: [], pairs },
    pivots: pairs.map(({ prob_delta: delta }) => ({ delta })),
  }))
}
