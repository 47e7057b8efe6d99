import { FulcrumError } from '../../errors.ts'
import type { Usage } from '../model.ts'
import { addUsage, noUsage } from '../usage.ts'
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

/** What lies between two moments, as counters of a manifest: whole tokens, and the cost they make. */
export function countersBetween(before: Spending, after: Spending): Record<string, number> {
  const counters = {
    requests: after.requests - before.requests,
    prompt_tokens: after.promptTokens - before.promptTokens,
    cached_prompt_tokens: after.cachedTokens - before.cachedTokens,
    completion_tokens: after.completionTokens - before.completionTokens,
    reasoning_tokens: after.reasoningTokens - before.reasoningTokens,
    cost_usd: Math.round((after.costUsd - before.costUsd) * 1e9) / 1e9,
    tokens_without_price: after.unpricedTokens - before.unpricedTokens,
  }
  return Object.fromEntries(Object.entries(counters).filter(([, value]) => value > 0))
}

/** Whole tokens by model: the cost is worked out from their sums, so that the order of answers does not show in it. */
function tally(prices: readonly Price[]) {
  const byModel = new Map<string, { requests: number; usage: Usage; readonly price: Price | null }>()
  return {
    add: (who: string, usage: Usage): void => {
      const entry = byModel.get(who) ?? { requests: 0, usage: noUsage, price: priceOf(prices, who) }
      entry.requests++
      entry.usage = addUsage(entry.usage, usage)
      byModel.set(who, entry)
    },
    get total(): Spending {
      let total: Spending = { ...noUsage, requests: 0, costUsd: 0, unpricedTokens: 0 }
      for (const who of [...byModel.keys()].sort()) {
        const { requests, usage, price } = byModel.get(who) as NonNullable<ReturnType<typeof byModel.get>>
        const tokens = usage.promptTokens + usage.completionTokens
        total = {
          ...addUsage(total, usage),
          requests: total.requests + requests,
          costUsd: total.costUsd + (price === null ? 0 : costOf(price, usage)),
          unpricedTokens: total.unpricedTokens + (price === null ? tokens : 0),
        }
      }
      return total
    },
  }
}

const spent = (what: string, flag: string): FulcrumError =>
  new FulcrumError(
    'budget',
    `Stopped at the cap: ${what}`,
    `Finished shards and all answers are kept. Raise ${flag} and run the same command again: it goes on from there.`,
  )
