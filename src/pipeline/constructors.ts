import type { Model } from '../model/model.ts'
import type { Columns, Row } from '../record/columns.ts'
import type { Run, Stage } from './stage.ts'
import { inOrder, type WindowOptions } from './window.ts'

/** A row that does not go on, with the reason it is kept under. */
export interface Dropped {
  readonly drop: string
}

interface StageBase<Needs extends Columns> extends Partial<WindowOptions> {
  readonly name: string
  readonly needs: Needs
  readonly models?: readonly Model[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly callsPerRow?: number
}

export interface MapStage<Needs extends Columns, Adds extends Columns> extends StageBase<Needs> {
  readonly adds: Adds
  /** The added columns of a row, or the reason to drop it. */
  readonly each: (row: Row<Needs>, run: Run) => Row<Adds> | Dropped | Promise<Row<Adds> | Dropped>
}

/** A stage that adds columns to each row. */
export function map<Needs extends Columns, Adds extends Columns>(
  of: MapStage<Needs, Adds>,
): Stage<Needs, Adds> {
  return expand({
    ...of,
    each: (row, run) => {
      const added = of.each(row, run)
      return added instanceof Promise ? added.then(single) : single(added)
    },
  })
}

const single = <T>(added: T | Dropped): readonly T[] | Dropped => (isDropped(added) ? added : [added])

export interface FilterStage<Needs extends Columns> extends StageBase<Needs> {
  /** The reason to drop a row, or null to keep it. */
  readonly reject: (row: Row<Needs>, run: Run) => string | null | Promise<string | null>
}

/** A stage that drops rows, each with the reason it is counted under. */
export function filter<Needs extends Columns>(of: FilterStage<Needs>): Stage<Needs, Record<never, never>> {
  const verdict = (reason: string | null): Row<Record<never, never>> | Dropped =>
    reason === null ? {} : { drop: reason }
  return map({
    ...of,
    adds: {},
    each: (row, run) => {
      const reason = of.reject(row, run)
      return reason instanceof Promise ? reason.then(verdict) : verdict(reason)
    },
  })
}

export interface ExpandStage<Needs extends Columns, Adds extends Columns> extends StageBase<Needs> {
  readonly adds: Adds
  /** The rows one row becomes, as their added columns; or the reason to drop it. */
  readonly each: (
    row: Row<Needs>,
    run: Run,
  ) => readonly Row<Adds>[] | Dropped | Promise<readonly Row<Adds>[] | Dropped>
}

/** A stage that turns one row into several. */
export function expand<Needs extends Columns, Adds extends Columns>(
  of: ExpandStage<Needs, Adds>,
): Stage<Needs, Adds> {
  const { name, each, concurrency, backlog, ...rest } = of
  return {
    ...rest,
    name,
    async *apply<R extends Row<Needs>>(rows: AsyncIterable<R>, run: Run): AsyncGenerator<R & Row<Adds>> {
      if (concurrency === undefined) {
        for await (const row of rows) {
          const results = each(row, run)
          yield* spread(name, row, results instanceof Promise ? await results : results, run)
        }
        return
      }
      const window = backlog === undefined ? { concurrency } : { concurrency, backlog }
      const answered = inOrder(rows, window, async (row) => [row, await each(row, run)] as const)
      for await (const [row, results] of answered) yield* spread(name, row, results, run)
    },
  }
}

function* spread<R extends object, A>(
  name: string,
  row: R,
  results: readonly A[] | Dropped,
  run: Run,
): Generator<R & A> {
  if (isDropped(results)) run.drop(name, row, results.drop)
  else for (const added of results) yield { ...row, ...added }
}

function isDropped(result: unknown): result is Dropped {
  return typeof result === 'object' && result !== null && 'drop' in result && typeof result.drop === 'string'
}
