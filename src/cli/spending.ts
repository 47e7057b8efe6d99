import { z } from 'zod'
import { type Account, openAccount } from '../model/account/account.ts'
import { readPrices } from '../model/account/prices.ts'
import type { BatchProgress } from '../model/batch/batcher.ts'
import type { Spending } from '../model/account/purse.ts'
import type { Limits } from '../model/limits/limiter.ts'
import type { Terminal } from './command.ts'
import { formatCount } from './table.ts'

/** Where prices come from; `plan` has it too. */
export const prices = z.string().optional().describe('price table of yours, before the one that ships')

/** Whether chat endpoints are asked through their Batch API; `plan` has it too. */
export const batch = z
  .boolean()
  .default(false)
  .describe(
    'ask chat endpoints through their Batch API: half the price, up to a day; run again to go on waiting',
  )

/** How fast a run asks and how much it may spend: none of it changes what the run makes. */
export const spendingOptions = z.object({
  concurrency: z.int().min(1).optional().describe('requests in flight at once, each endpoint (default 16)'),
  rpm: z.number().gt(0).optional().describe('requests a minute, each endpoint and process'),
  tpm: z.number().gt(0).optional().describe('tokens a minute, each endpoint and process'),
  requestTimeout: z.number().gt(0).default(3600).describe('longest wait for one answer, seconds'),
  prices,
  maxCost: z
    .number()
    .gt(0)
    .optional()
    .describe('dollars the whole run may cost; it stops there and can be gone on with'),
  maxTokensTotal: z
    .int()
    .min(1)
    .optional()
    .describe('tokens the whole run may take of models behind HTTP; it stops there'),
})

/** Whether a run keeps its answers. */
export const ledger = z
  .boolean()
  .default(true)
  .describe('keep answers in OUT/ledger; --no-ledger pays again for what is cut off')

/** What only a run has: batches are for many rows that wait for nothing. */
export const batchOptions = z.object({
  batch,
  batchRequests: z.int().min(1).max(50_000).default(50_000).describe('most requests in one batch'),
})

type SpendingOptions = z.output<typeof spendingOptions> & Partial<z.output<typeof batchOptions>>

/** Opens the account of a run, and tells what earlier attempts left. `ledger` is a folder, or null to keep nothing. */
export async function accountFor(
  options: SpendingOptions,
  of: {
    readonly name: string
    readonly ledger: string | null
    readonly share?: { readonly index: number; readonly count: number }
  },
  { tell }: Terminal,
): Promise<Account> {
  const { concurrency, rpm, tpm, requestTimeout, maxCost, maxTokensTotal } = options
  const limits: Partial<Limits> = {
    ...(concurrency !== undefined && { concurrency }),
    requestsPerMinute: rpm,
    tokensPerMinute: tpm,
    timeoutMs: requestTimeout * 1000,
  }
  const account = await openAccount({
    ledger: of.ledger,
    limits,
    prices: await readPrices(options.prices),
    caps: { costUsd: maxCost, tokens: maxTokensTotal },
    ...(of.share && { share: of.share }),
    ...(options.batch === true && {
      batches: {
        ...(options.batchRequests !== undefined && { requests: options.batchRequests }),
        run: of.name,
        onProgress: (progress) => tell(batchText(progress)),
      },
    }),
  })
  tellFindings(account, tell)
  return account
}

const batchText = ({ who, batch: id, status, requests, completed, failed }: BatchProgress): string =>
  `${who.split('#')[1] ?? who} ${id}: ${status.replace('_', ' ')}` +
  (requests > 0 ? `, ${formatCount(completed)} of ${formatCount(requests)} answered` : '') +
  (failed > 0 ? `, ${formatCount(failed)} failed\n` : '\n')

function tellFindings({ ledger }: Account, tell: Terminal['tell']): void {
  if (ledger === null) return
  const { answers, unanswered, outdated, corrupted } = ledger.found
  if (answers > 0) tell(`ledger: ${formatCount(answers)} answers are there and are not paid for again\n`)
  if (unanswered > 0)
    tell(
      `ledger: ${formatCount(unanswered)} requests went out and have no answer: each may be billed twice\n`,
    )
  if (outdated > 0)
    tell(`ledger: ${formatCount(outdated)} answers are of another version and are asked for again\n`)
  for (const where of corrupted.slice(0, 5)) tell(`ledger: corrupted and skipped: ${where}\n`)
  if (corrupted.length > 5) tell(`ledger: corrupted and skipped: ${corrupted.length - 5} more\n`)
}

/** `$1.24`, with what is not in it. */
export function costText({ costUsd, unpricedTokens, promptTokens, completionTokens }: Spending): string {
  const tokens = promptTokens + completionTokens
  if (unpricedTokens >= tokens) return 'cost unknown'
  return `${dollars(costUsd)}${unpricedTokens > 0 ? ` + ${formatCount(unpricedTokens)} tokens of unknown price` : ''}`
}

/** A sum of money to the cent, or to its first figures. */
export const dollars = (sum: number): string =>
  `$${sum >= 1 || sum === 0 ? sum.toFixed(2) : sum.toPrecision(2)}`

/** What a run has paid, earlier attempts included; empty when it asked nobody who is paid. */
export function paidText({ purse }: Account): string {
  const { paid } = purse
  if (paid.requests === 0) return ''
  const cached = paid.cachedTokens > 0 ? ` (${formatCount(paid.cachedTokens)} cached)` : ''
  const thought = paid.reasoningTokens > 0 ? ` (${formatCount(paid.reasoningTokens)} thinking)` : ''
  return (
    `Paid, earlier attempts included: ${formatCount(paid.requests)} requests, ${formatCount(paid.promptTokens)} prompt${cached} ` +
    `and ${formatCount(paid.completionTokens)} completion tokens${thought}, ${costText(paid)}\n`
  )
}
