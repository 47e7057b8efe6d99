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
  pay(who: string, usage: Usage): void
  use(who: string, usage: Usage): void
  readonly paid: Spending
  readonly used: Spending
  /** What the answers in use took since the call of mark(). */
  mark(): () => Spending
  /** Refuses a cap in dollars where one of these models has no price. */
  requirePrices(whos: readonly string[]): void
}

export function createPurse(prices: readonly Price[], caps: Caps): Purse {
  const [paid, used] = [tally(prices), tally(prices)]
  return {
    check: () => {
      const { costUsd, promptTokens, completionTokens } = paid.total
      const tokens = promptTokens + completionTokens
      if (caps.costUsd !== undefined && costUsd >= caps.costUsd)
        throw spent(`$${costUsd.toFixed(4)} of at most $${caps.costUsd} are spent`, '--max-cost')
      if (caps.tokens !== undefined && tokens >= caps.tokens)
        throw spent(`${tokens} of at most ${caps.tokens} tokens are used`, '--max-tokens-total')
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

/** Requests and whole tokens of each model. */
type Counts = ReadonlyMap<string, { readonly requests: number; readonly usage: Usage }>

/** The cost is worked out from sums of whole tokens, so that the order of answers does not show in it. */
function tally(prices: readonly Price[]) {
  const byModel = new Map<string, { readonly requests: number; readonly usage: Usage }>()
  return {
    add: (who: string, usage: Usage): void => {
      const { requests, usage: before } = byModel.get(who) ?? nothing
      byModel.set(who, { requests: requests + 1, usage: addUsage(before, usage) })
    },
    copy: (): Counts => new Map(byModel),
    since: (before: Counts): Spending => spendingOf(prices, byModel, before),
    get total(): Spending {
      return spendingOf(prices, byModel, new Map())
    },
  }
}

const nothing = { requests: 0, usage: noUsage }

function spendingOf(prices: readonly Price[], now: Counts, before: Counts): Spending {
  let total: Spending = { ...noUsage, requests: 0, costUsd: 0, unpricedTokens: 0 }
  for (const who of [...now.keys()].sort()) {
    const [then, since] = [before.get(who) ?? nothing, now.get(who) ?? nothing]
    const usage = subtractUsage(since.usage, then.usage)
    const price = priceOf(prices, who)
    const tokens = usage.promptTokens + usage.completionTokens
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
