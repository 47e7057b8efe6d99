import type { Run, Stage } from '../../src/pipeline/stage.ts'
import type { Columns, Row } from '../../src/record/columns.ts'

export interface StageOutcome {
  readonly kept: readonly Record<string, unknown>[]
  readonly dropped: readonly {
    readonly stage: string
    readonly row: Record<string, unknown>
    readonly reason: string
  }[]
  readonly counters: Readonly<Record<string, number>>
}

/** Runs rows through one stage alone, and keeps what came of them. */
export async function runStage<Needs extends Columns, Adds extends Columns>(
  stage: Stage<Needs, Adds>,
  rows: readonly Record<string, unknown>[],
  seed = 7,
): Promise<StageOutcome> {
  const kept: Record<string, unknown>[] = []
  const dropped: { stage: string; row: Record<string, unknown>; reason: string }[] = []
  const counters: Record<string, number> = {}
  const run: Run = {
    seed,
    signal: new AbortController().signal,
    drop: (name, row, reason) =>
      void dropped.push({ stage: name, row: row as Record<string, unknown>, reason }),
    count: (name, by = 1) => {
      counters[name] = (counters[name] ?? 0) + by
    },
  }
  for await (const row of stage.apply(eachOf(rows as unknown as readonly Row<Needs>[]), run)) kept.push(row)
  return { kept, dropped, counters }
}

async function* eachOf<T>(rows: readonly T[]): AsyncGenerator<T> {
  await Promise.resolve()
  yield* rows
}
