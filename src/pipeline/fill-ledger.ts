import { setMaxListeners } from 'node:events'
import { FulcrumError } from '../errors.ts'
import type { Desk } from '../model/batch/desk.ts'
import type { Columns } from '../record/columns.ts'
import { flow } from './flow.ts'
import type { Pipeline, Step } from './pipeline.ts'
import { modelsOf, type Plan } from './plan.ts'
import type { SourceRow } from './source.ts'
import type { Run } from './stage.ts'

/** Rows in work at once: as many as one batch takes requests. */
const rowsAtOnce = 50_000

/** Takes the rows of all shards through the stages up to the last one that is asked in batches, and throws them away: what is
 *  left are the answers in the ledger, where the shards then find them. Shard by shard, every shard would wait a day for a
 *  batch of its own. Within a shard rows flow as they will in the run, so that it asks for the same. */
export async function fillLedger(
  { source }: Pipeline<Columns>,
  plan: Plan,
  batches: Desk,
  of: {
    readonly signal: AbortSignal
    /** Shards that are still to be made here. */
    readonly wants: (shard: number) => Promise<boolean>
  },
): Promise<void> {
  const steps = batchedSteps(plan.steps)
  await batches.open()
  const failed = new AbortController()
  const signal = AbortSignal.any([of.signal, failed.signal])
  // Every stage of every shard listens.
  setMaxListeners(0, signal)
  const inWork = new Set<Promise<void>>()
  let [shard, rows, inRows]: [number, SourceRow<Columns>[], number] = [0, [], 0]
  const begin = async (): Promise<void> => {
    const [its, number] = [rows, shard++]
    rows = []
    if (!(await of.wants(number))) return
    inRows += its.length
    const work = passThrough(steps, its, silentRun(plan, number, signal)).finally(() => {
      inRows -= its.length
      inWork.delete(work)
    })
    inWork.add(work)
    work.catch((error: unknown) => failed.abort(error))
    while (inRows >= rowsAtOnce) await Promise.race(inWork)
  }
  try {
    for await (const row of source.rows()) {
      signal.throwIfAborted()
      rows.push(row)
      if (rows.length >= plan.shardRows) await begin()
    }
    if (rows.length > 0) await begin()
    await Promise.all(inWork)
  } catch (error) {
    failed.abort(error)
    await Promise.allSettled(inWork)
    throw error
  }
  await batches.settle()
}

/** Refuses a plan none of whose models can be asked in batches. */
export function requireBatches(plan: Plan): void {
  const paid = modelsOf(plan.steps).flatMap((model) => (model.paid ? [model.paid] : []))
  if (paid.some(({ batches }) => batches)) return
  throw new FulcrumError(
    'config',
    paid.length === 0
      ? '--batch: no model of this pipeline is behind HTTP'
      : `--batch: ${paid.map(({ who }) => who).join(', ')} is asked with token ids or by another dialect than chat`,
    'The Batch API takes chats: name a hosted model without --tokenizer (dialect openai-chat), or leave out --batch.',
  )
}

function batchedSteps(steps: readonly Step[]): readonly Step[] {
  const last = steps.findLastIndex(
    (step) => step.kind === 'stage' && (step.stage.models ?? []).some(({ paid }) => paid?.batches === true),
  )
  return steps.slice(0, last + 1).filter(({ kind }) => kind === 'stage')
}

async function passThrough(
  steps: readonly Step[],
  source: readonly SourceRow<Columns>[],
  run: Run,
): Promise<void> {
  const rows = source.flatMap(({ row, reason }) => (reason === null ? [row] : []))
  const ends = { run, passed: () => undefined, write: () => Promise.resolve() }
  const out = flow(steps, inOneGroup(rows), ends)[Symbol.asyncIterator]()
  while ((await out.next()).done !== true);
}

async function* inOneGroup(rows: readonly object[]): AsyncGenerator<readonly object[]> {
  await Promise.resolve()
  yield rows
}

/** What is dropped and counted is told when the shard is made. */
const silentRun = ({ seed, shardRows }: Plan, shard: number, signal: AbortSignal): Run => ({
  ...{ seed, shard, signal },
  concurrency: shardRows,
  drop: () => undefined,
  count: () => undefined,
})
