import type { Columns, Row } from '../record/columns.ts'
import type { Model } from '../model/model.ts'

/** What a stage may know of the run it is part of. */
export interface Run {
  /** Seed of the whole run; draw with `rngFor(run.seed, stage, row.id)`. */
  readonly seed: number
  /** The shard in work, where there are shards. */
  readonly shard?: number | undefined
  /** How many there are. */
  readonly shards?: number | undefined
  /** Rows that a stage with a window takes at once at least, where the run wants more than the stage would. */
  readonly concurrency?: number | undefined
  /** Aborts when the run is interrupted. */
  readonly signal: AbortSignal
  /** Keeps the row in `removed` under this reason; the stage then simply does not yield it. */
  drop(stage: string, row: object, reason: string): void
  /** Adds to a named counter shown in progress and kept in the manifest (tokens, rollouts, calls). */
  count(name: string, by?: number): void
}

/** The requests of a stage, as far as they are known before. */
export interface Asks {
  /** For one row, where the endpoint gives several completions a request. */
  readonly requestsPerRow: number
  /** Longest completion. */
  readonly maxTokens: number
  /** Most tokens of a prompt beyond the columns that the stage needs of the source. */
  readonly longestPrefix: number
}

/** One step of a pipeline: a stream of rows in, a stream of rows out.
 *  It may drop rows, repeat them and add columns; it never changes a column that is already there. */
export interface Stage<Needs extends Columns, Adds extends Columns> {
  readonly name: string
  readonly needs: Needs
  readonly adds: Adds
  /** Models it calls, for the plan and the manifest. */
  readonly models?: readonly Model[]
  /** Options that decide its output, JSON only: part of the run's identity. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Model completions that a row is expected to cost, for the plan. */
  readonly callsPerRow?: number
  /** Model completions that all rows together may cost, over all shards: a cap on the run. */
  readonly mostCalls?: number
  /** How these are asked for, for the price of a plan. */
  readonly asks?: Asks
  /** Columns from which it drops benchmark items, for the notices of a plan. */
  readonly decontaminates?: readonly string[]
  apply<R extends Row<Needs>>(rows: AsyncIterable<R>, run: Run): AsyncIterable<R & Row<Adds>>
}
