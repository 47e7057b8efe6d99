import { FulcrumError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import type { Column, Columns, Row } from '../record/columns.ts'
import type { Asks, Run, Stage } from './stage.ts'
import { inOrder, type WindowOptions } from './window.ts'

/** A row that does not go on, with the reason it is kept under. */
export interface Dropped {
  readonly drop: string
}

/** What a row becomes: the added columns of each row that goes on, or the reason that none does. */
export type Outcome<Added> = readonly Added[] | Dropped

/** A stage's work on one row: at once, or after a wait. */
export type RowWork = (row: object, run: Run) => Outcome<object> | Promise<Outcome<object>>

interface StageBase<Needs extends Columns> extends Partial<WindowOptions> {
  readonly name: string
  readonly needs: Needs
  readonly models?: readonly Model[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly callsPerRow?: number
  readonly mostCalls?: number
  readonly asks?: Asks
  readonly decontaminates?: readonly string[]
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

const single = <T extends object>(added: T | Dropped): Outcome<T> => (isDropped(added) ? added : [added])

const isDropped = (result: object): result is Dropped => 'drop' in result && typeof result.drop === 'string'

/** What a filter adds. */
// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- no column is what is meant
export type NoColumns = Readonly<Record<never, Column>>

export interface FilterStage<Needs extends Columns> extends StageBase<Needs> {
  /** The reason to drop a row, or null to keep it. */
  readonly reject: (row: Row<Needs>, run: Run) => string | null | Promise<string | null>
}

/** A stage that drops rows, each with the reason it is counted under. */
export function filter<Needs extends Columns>(of: FilterStage<Needs>): Stage<Needs, NoColumns> {
  return expand({
    ...of,
    adds: {},
    each: (row, run) => {
      const reason = of.reject(row, run)
      return reason instanceof Promise ? reason.then(verdict) : verdict(reason)
    },
  })
}

/** The outcome of a row that goes on as it is. */
export const unchanged: readonly object[] = [{}]

const verdict = (reason: string | null): Outcome<object> => (reason === null ? unchanged : { drop: reason })

export interface ExpandStage<Needs extends Columns, Adds extends Columns> extends StageBase<Needs> {
  readonly adds: Adds
  /** The rows one row becomes, as their added columns; or the reason to drop it. */
  readonly each: (row: Row<Needs>, run: Run) => Outcome<Row<Adds>> | Promise<Outcome<Row<Adds>>>
  /** Reason under which a row is kept that becomes no row; without one it just ends here. */
  readonly empty?: string
}

/** A stage that turns one row into several. */
export function expand<Needs extends Columns, Adds extends Columns>(
  of: ExpandStage<Needs, Adds>,
): Stage<Needs, Adds> {
  const { each, concurrency, backlog, empty, ...rest } = of
  if ('drop' in of.adds) {
    throw new FulcrumError('plan', `Stage ${of.name} adds a column drop`, 'Give it another name.')
  }
  const work = namedWork(of.name, empty, each as RowWork)
  const stage: Stage<Needs, Adds> = {
    ...rest,
    async *apply<R extends Row<Needs>>(rows: AsyncIterable<R>, run: Run): AsyncGenerator<R & Row<Adds>> {
      if (concurrency === undefined) {
        for await (const row of rows) yield* spread<R, Row<Adds>>(of.name, row, await work(row, run), run)
        return
      }
      const atOnce = Math.max(concurrency, run.concurrency ?? 1)
      const window = backlog === undefined ? { concurrency: atOnce } : { concurrency: atOnce, backlog }
      const answered = inOrder(rows, window, run.signal, (row) => withDrops(row, run, work))
      for await (const { row, outcome, drops } of answered) {
        for (const [name, dropped, reason] of drops) run.drop(name, dropped, reason)
        yield* spread<R, Row<Adds>>(of.name, row, outcome, run)
      }
    },
  }
  if (concurrency === undefined) rowWork.set(stage, work)
  return stage
}

/** Work of the stages that take one row at a time, so that a run can do many of them in one go. */
const rowWork = new WeakMap<object, RowWork>()

/** What a stage does to one row, where it takes one at a time; else undefined, and only `apply` will do. */
export const rowWorkOf = (stage: object): RowWork | undefined => rowWork.get(stage)

/** Drops made while several rows are in work wait until their row's turn: `removed` has one order. */
async function withDrops<R extends object>(
  row: R,
  run: Run,
  work: RowWork,
): Promise<{ row: R; outcome: Outcome<object>; drops: readonly Parameters<Run['drop']>[] }> {
  const drops: Parameters<Run['drop']>[] = []
  const own: Run = {
    seed: run.seed,
    shard: run.shard,
    shards: run.shards,
    signal: run.signal,
    drop: (...dropped) => drops.push(dropped),
    count: (name, by) => run.count(name, by),
  }
  return { row, outcome: await work(row, own), drops }
}

function* spread<R extends object, A>(
  name: string,
  row: R,
  outcome: Outcome<object>,
  run: Run,
): Generator<R & A> {
  if ('drop' in outcome) run.drop(name, row, outcome.drop)
  else for (const added of outcome) yield { ...row, ...(added as A) }
}

/** The work with an `empty` reason applied, and with the stage and row in the message when it fails. */
function namedWork(name: string, empty: string | undefined, each: RowWork): RowWork {
  const named = (outcome: Outcome<object>): Outcome<object> =>
    empty !== undefined && Array.isArray(outcome) && outcome.length === 0 ? { drop: empty } : outcome
  return (row, run) => {
    try {
      const outcome = each(row, run)
      if (!(outcome instanceof Promise)) return named(outcome)
      return outcome.then(named, (error: unknown) => {
        throw failure(name, row, error, run)
      })
    } catch (error) {
      throw failure(name, row, error, run)
    }
  }
}

function failure(stage: string, row: object, error: unknown, run: Run): unknown {
  if (error instanceof FulcrumError || run.signal.aborted) return error
  const { id } = row as { id?: unknown }
  const reason = error instanceof Error ? error.message : String(error)
  return new FulcrumError(
    'data',
    `Stage ${stage} failed at row ${typeof id === 'string' ? id : '(without id)'}: ${reason}`,
    'Mend the stage, or let it drop such rows with a reason. Shards that are done stay.',
    error,
  )
}
