import type { Dropped } from '../../pipeline/constructors.ts'
import type { Run, Stage } from '../../pipeline/stage.ts'
import { inOrder } from '../../pipeline/window.ts'
import type { Columns, Row } from '../../record/columns.ts'

/** A trace that does not go on, with what is known of it besides its columns. */
interface DroppedTrace extends Dropped {
  readonly known?: object
}

export interface ByProblemStage<Needs extends Columns, Adds extends Columns> {
  readonly name: string
  readonly needs: Needs
  readonly adds: Adds
  readonly options: Readonly<Record<string, unknown>>
  readonly concurrency?: number | undefined
  /** Of each trace of one problem, in launch order: the added columns, or the reason to drop it. */
  readonly each: (
    traces: readonly Row<Needs>[],
    run: Run,
  ) => Promise<readonly (Row<Adds> | DroppedTrace)[]> | readonly (Row<Adds> | DroppedTrace)[]
}

/** A stage that sees all traces of a problem at once. They come one after the other, as the stages that write them give
 *  them; a problem whose traces come apart is seen as several. */
export function byProblem<Needs extends Columns, Adds extends Columns>({
  each,
  concurrency = 8,
  ...rest
}: ByProblemStage<Needs, Adds>): Stage<Needs, Adds> {
  return {
    ...rest,
    async *apply<R extends Row<Needs>>(rows: AsyncIterable<R>, run: Run): AsyncGenerator<R & Row<Adds>> {
      const judged = inOrder(groupsOf(rows), { concurrency }, run.signal, async (traces) => ({
        traces,
        outcomes: await each(traces, run),
      }))
      for await (const { traces, outcomes } of judged) {
        for (const [i, row] of traces.entries()) {
          const outcome = outcomes[i] as Row<Adds> | DroppedTrace
          if (isDropped(outcome)) run.drop(rest.name, { ...row, ...outcome.known }, outcome.drop)
          else yield { ...row, ...outcome }
        }
      }
    },
  }
}

const isDropped = (outcome: object): outcome is DroppedTrace => 'drop' in outcome

async function* groupsOf<R extends object>(rows: AsyncIterable<R>): AsyncGenerator<R[]> {
  const idOf = (row: R): unknown => (row as { readonly id?: unknown }).id
  let group: R[] = []
  for await (const row of rows) {
    if (group[0] !== undefined && idOf(group[0]) !== idOf(row)) {
      yield group
      group = []
    }
    group.push(row)
  }
  if (group.length > 0) yield group
}
