import { FulcrumError } from '../../errors.ts'
import type { Usage } from '../model.ts'
import { addUsage, noUsage, subtractUsage } from '../usage.ts'
import { costOf, type Price, priceOf } from './prices.ts'

/** What was spent, on all models of a run together. */
export interface Spending extends Usage {
  readonly requests: number
  /** US dollars of the models whose price is known. */
  readonly costUsd: number
  /** Tokens of models without a price; their cost is not in costUsd. */
  readonly unpricedTokens: number
}

export interface Caps {
  readonly costUsd?: number | undefined
  /** Prompt and completion tokens. */
  readonly tokens?: number | undefined
}

/** Counts twice: what was paid for, now and in earlier attempts at the same run; and what the answers in use took, which
 *  is the same however often the run was cut off. */
export interface Purse {
  /** Throws when a cap is reached. */
  check(): void
  /** Sets the most that something can take aside until the function it gives is called; throws where that goes beyond a cap. */
  reserve(who: string, most: Usage): () => void
  pay(who: string, usage: Usage): void
  use(who: string, usage: Usage): void
  readonly paid: Spending
  readonly used: Spending
  /** What the answers in use took since the call of mark(). */
  mark(): () => Spending
  /** Refuses a cap of tokens where none of a run's models is paid: only their tokens are counted. */
  requirePaid(whos: readonly string[]): void
  /** Refuses a cap in dollars where one of these models has no price. */
  requirePrices(whos: readonly string[]): void
}

export function createPurse(prices: readonly Price[], caps: Caps): Purse {
  const [paid, used] = [tally(prices), tally(prices)]
  const aside = { costUsd: 0, tokens: 0 }
  return {
    check: () => {
      const { costUsd } = paid.total
      const tokens = tokensOf(paid.total)
      if (caps.costUsd !== undefined && costUsd >= caps.costUsd)
        throw spent(`$${costUsd.toFixed(4)} of at most $${caps.costUsd} are spent`, '--max-cost')
      if (caps.tokens !== undefined && tokens >= caps.tokens)
        throw spent(`${tokens} of at most ${caps.tokens} tokens are used`, '--max-tokens-total')
    },
    reserve: (who, most) => {
      const price = priceOf(prices, who)
      const [cost, tokens] = [price === null ? 0 : costOf(price, most), tokensOf(most)]
      refuseBeyond(caps, paid.total, { costUsd: aside.costUsd + cost, tokens: aside.tokens + tokens })
      const add = (sign: number): void => {
        aside.costUsd += sign * cost
        aside.tokens += sign * tokens
      }
      add(1)
      return () => add(-1)
    },
    mark: () => {
      const before = used.copy()
      return () => used.since(before)
    },
    pay: paid.add,
    use: used.add,
    get paid() {
      return paid.total
    },
    get used() {
      return used.total
    },
    requirePaid: (whos) => {
      if (caps.tokens === undefined || whos.length > 0) return
      throw new FulcrumError(
        'config',
        `A cap of ${caps.tokens} tokens would count nothing: no model of this run is behind HTTP`,
        'Leave out --max-tokens-total; options of the pipeline, as --max-rollouts, limit what local models do.',
      )
    },
    requirePrices: (whos) => {
      const without = whos.filter((who) => priceOf(prices, who) === null)
      if (caps.costUsd === undefined || without.length === 0) return
      throw new FulcrumError(
        'config',
        `A cap of $${caps.costUsd} cannot be kept: ${without.join(', ')} has no price`,
        'Add it to a price table and give that with --prices, or cap the tokens with --max-tokens-total.',
      )
    },
  }
}

/** Spending as counters of a manifest. */
export function countersOf(of: Spending): Record<string, number> {
  const counters = {
    requests: of.requests,
    prompt_tokens: of.promptTokens,
    cached_prompt_tokens: of.cachedTokens,
    completion_tokens: of.completionTokens,
    reasoning_tokens: of.reasoningTokens,
    cost_usd: of.costUsd,
    tokens_without_price: of.unpricedTokens,
  }
  return Object.fromEntries(Object.entries(counters).filter(([, value]) => value > 0))
}

const tokensOf = ({ promptTokens, completionTokens }: Usage): number => promptTokens + completionTokens

/** Where the most that is to come does not fit under a cap. */
function refuseBeyond(
  caps: Caps,
  paid: Spending,
  toCome: Required<Pick<Spending, 'costUsd'>> & { tokens: number },
): void {
  const tokens = tokensOf(paid)
  if (caps.costUsd !== undefined && paid.costUsd + toCome.costUsd > caps.costUsd)
    throw spent(
      `$${paid.costUsd.toFixed(4)} are spent, and up to $${toCome.costUsd.toFixed(4)} more would go beyond $${caps.costUsd}`,
      '--max-cost',
    )
  if (caps.tokens !== undefined && tokens + toCome.tokens > caps.tokens)
    throw spent(
      `${tokens} tokens are used, and up to ${toCome.tokens} more would go beyond ${caps.tokens}`,
      '--max-tokens-total',
    )
}

/** Requests and whole tokens of one model, asked in one way. */
interface Count {
  readonly who: string
  readonly requests: number
  readonly usage: Usage
}
type Counts = ReadonlyMap<string, Count>

/** The cost is worked out from sums of whole tokens, so that the order of answers does not show in it. */
function tally(prices: readonly Price[]) {
  const byModel = new Map<string, Count>()
  return {
    add: (who: string, usage: Usage): void => {
      const key = usage.batched ? `${who} batched` : who
      const { requests, usage: before } = byModel.get(key) ?? { requests: 0, usage: noneLike(usage) }
      byModel.set(key, { who, requests: requests + 1, usage: addUsage(before, usage) })
    },
    copy: (): Counts => new Map(byModel),
    since: (before: Counts): Spending => spendingOf(prices, byModel, before),
    get total(): Spending {
      return spendingOf(prices, byModel, new Map())
    },
  }
}

const noneLike = ({ batched }: Usage): Usage => ({ ...noUsage, ...(batched && { batched }) })

function spendingOf(prices: readonly Price[], now: Counts, before: Counts): Spending {
  let total: Spending = { ...noUsage, requests: 0, costUsd: 0, unpricedTokens: 0 }
  for (const key of [...now.keys()].sort()) {
    const { who, ...since } = now.get(key) as Count
    const then = before.get(key) ?? { requests: 0, usage: noUsage }
    const usage = { ...noneLike(since.usage), ...subtractUsage(since.usage, then.usage) }
    const price = priceOf(prices, who)
    const tokens = tokensOf(usage)
    total = {
      ...addUsage(total, usage),
      requests: total.requests + since.requests - then.requests,
      costUsd: total.costUsd + (price === null ? 0 : costOf(price, usage)),
      unpricedTokens: total.unpricedTokens + (price === null ? tokens : 0),
    }
  }
  return total
}

const spent = (what: string, flag: string): FulcrumError =>
  new FulcrumError(
    'budget',
    `Stopped at the cap: ${what}`,
    `Finished shards and all answers are kept. Raise ${flag} and run the same command again: it goes on from there.`,
  )
