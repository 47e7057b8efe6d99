import type { Purse } from '../account/purse.ts'
import type { Connection } from '../http/connection.ts'
import { realClock } from '../limits/clock.ts'
import { type Batcher, type BatchSettings, createBatcher } from './batcher.ts'
import { mostInBatch } from './line.ts'
import { openNotes } from './notes.ts'
import { serviceAt } from './service.ts'

/** Where the models of a run hand in what goes into batches. */
export interface Desk {
  /** Models of one name at one endpoint share one. */
  batcherFor(connection: Connection): Batcher
  /** Looks for the batches of earlier attempts; refuses a server without a Batch API. */
  open(): Promise<void>
  settle(): Promise<void>
  close(): void
}

/** Opens the desk of a run, whose notes lie in a folder beside the answers. */
export function openDesk(
  wanted: Partial<BatchSettings>,
  { folder, tag, purse }: { readonly folder: string; readonly tag: string; readonly purse: Purse },
): Desk {
  const settings: BatchSettings = {
    requests: mostInBatch.requests,
    run: 'run',
    quietMs: 2000,
    firstLookMs: 5000,
    longestLookMs: 60_000,
    clock: realClock,
    onProgress: () => undefined,
    ...wanted,
  }
  const notes = openNotes(folder, tag)
  const batchers = new Map<string, Batcher>()
  const all = async (of: (batcher: Batcher) => Promise<void>): Promise<void> => {
    await Promise.all([...batchers.values()].map(of))
  }
  return {
    batcherFor: (connection) => {
      const { who } = connection
      const tools = { who, service: serviceAt(connection), notes, purse, settings }
      const batcher = batchers.get(who) ?? createBatcher(tools)
      batchers.set(who, batcher)
      return batcher
    },
    open: () => all((batcher) => batcher.open()),
    settle: () => all((batcher) => batcher.settle()),
    close: () => {
      const reason = new Error('The run has ended; its batches go on at the server.')
      for (const batcher of batchers.values()) batcher.close(reason)
    },
  }
}
