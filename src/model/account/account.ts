import { FulcrumError } from '../../errors.ts'
import type { BatchSettings } from '../batch/batcher.ts'
import { type Desk, openDesk } from '../batch/desk.ts'
import { type Ledger, openLedger } from '../ledger/book.ts'
import { createLimiter, type Limiter, type Limits, type Strain } from '../limits/limiter.ts'
import type { Price } from './prices.ts'
import { type Caps, createPurse, type Purse } from './purse.ts'

export interface AccountOptions {
  /** Folder in which answers are kept; null keeps none. */
  readonly ledger: string | null
  /** Of every endpoint and model by itself. They change how fast a run is, never what it makes. */
  readonly limits?: Partial<Limits>
  readonly prices?: readonly Price[]
  /** Of the whole run; a process with a share of it has that share of the caps. */
  readonly caps?: Caps
  readonly share?: { readonly index: number; readonly count: number }
  /** Models asked by chat are asked through the Batch API. Needs a ledger. */
  readonly batches?: Partial<BatchSettings>
}

/** What the models of a run have in common: the ledger, the limits of each endpoint, and the purse. */
export interface Account {
  readonly ledger: Ledger | null
  readonly purse: Purse
  readonly batches: Desk | null
  /** Requests wanted at once, where somebody said so: rows in work should be as many. */
  readonly concurrency: number | undefined
  /** Models of one name at one endpoint share one. */
  limiterFor(who: string, otherwise: Limits, strainOf: (error: unknown) => Strain | null): Limiter
  /** Lets no more requests go, and waits for the answers of those in flight. */
  drain(): Promise<void>
  /** Requests in flight. */
  readonly inFlight: number
  close(): Promise<void>
}

export async function openAccount(options: AccountOptions): Promise<Account> {
  const { ledger: folder, limits = {}, prices = [], share = { index: 0, count: 1 } } = options
  const { costUsd, tokens } = options.caps ?? {}
  const part = (whole: number | undefined): number | undefined => whole && whole / share.count
  const purse = createPurse(prices, { costUsd: part(costUsd), tokens: part(tokens) })
  const tag = `${share.index}of${share.count}`
  const ledger = folder === null ? null : await openLedger(folder, tag)
  for (const { who, usage } of ledger?.found.spent ?? []) purse.pay(who, usage)
  const batches =
    options.batches === undefined ? null : openDesk(options.batches, { folder: needed(folder), tag, purse })
  const limiters = new Map<string, Limiter>()
  const inFlight = (): number => [...limiters.values()].reduce((sum, { load }) => sum + load.inFlight, 0)
  return {
    ledger,
    purse,
    batches,
    concurrency: limits.concurrency,
    limiterFor: (who, otherwise, strainOf) => {
      const limiter = limiters.get(who) ?? createLimiter(who, { ...otherwise, ...limits }, strainOf)
      limiters.set(who, limiter)
      return limiter
    },
    drain: async () => {
      const reason = new FulcrumError('model', 'The run is ending', 'Run the same command again.')
      await Promise.all([...limiters.values()].map((limiter) => limiter.drain(reason)))
      // From an answer to its way into the ledger there are only microtasks.
      await new Promise((done) => setImmediate(done))
    },
    get inFlight() {
      return inFlight()
    },
    close: async () => {
      batches?.close()
      await ledger?.close()
    },
  }
}

/** Where the notes of batches lie. */
function needed(folder: string | null): string {
  if (folder !== null) return folder
  throw new FulcrumError(
    'config',
    'Batches are asked for without a ledger, so that a run that is cut off would pay for them again',
    'Leave out --no-ledger, or --batch.',
  )
}
