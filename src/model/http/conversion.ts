import type { Rule } from './dialect.ts'

/** Likeliest tokens of one place with their log-probabilities, likeliest first. */
export type Top = readonly { readonly id: number; readonly logprob: number }[]

/** Which distribution a server's log-probabilities are of: the model's, the model's after temperature, or the sampler's
 *  after truncation too; 'unknown' where a probe could not tell. */
export type Taken = 'model' | 'tempered' | 'sampler' | 'unknown'

/** Between what the sampler's log-probability lies, nats. */
export interface Bounds {
  readonly low: number
  readonly high: number
}

/** Nats. Bounds nearer than this count as one value. */
export const oneValue = 1e-3

/** Rounding of a server's float32 probabilities, against a nucleus that ends just there. */
const rounding = 1e-5

export const isPlain = ({ topP, topK, minP = 0 }: Rule): boolean => topP >= 1 && topK === 0 && minP <= 0

/** The sampler's log-probability of a token from what a server reports: exact where truncation leaves only listed tokens,
 *  or where nothing is changed; else between bounds. With alpha = 1 / temperature, weights exp(alpha l) and the mass r that
 *  is not listed, each unlisted token being no likelier than the last listed: for alpha >= 1 their weights sum to at most
 *  r exp((alpha - 1) l_k), for alpha < 1 to at most (V - k)^(1 - alpha) r^alpha. Null where the list does not say enough. */
export function samplerBounds(
  token: { readonly id: number; readonly logprob: number },
  top: Top,
  rule: Rule,
  { taken, vocabulary }: { readonly taken: Taken; readonly vocabulary: number },
): Bounds | null {
  const exactly = (value: number): Bounds => ({ low: value, high: value })
  if (taken === 'sampler' || (rule.temperature === 1 && isPlain(rule))) return exactly(token.logprob)
  if (taken === 'unknown') return null
  if (rule.temperature === 0) return greedy(token, top)
  const alpha = taken === 'tempered' ? 1 : 1 / rule.temperature
  if (alpha === 1 && isPlain(rule)) return exactly(token.logprob)
  const [first] = top
  if (first === undefined) return null
  const weigh = (logprob: number): number => Math.exp(alpha * (logprob - first.logprob))
  const weights = top.map(({ logprob }) => weigh(logprob))
  const kept = keep(weights, restOf(top, alpha, vocabulary), rule)
  if (kept === null) return null
  const at = top.findIndex(({ id }) => id === token.id)
  if (at >= kept.count || (at < 0 && kept.rest.high === 0)) return exactly(-Infinity)
  const listed = sum(weights.slice(0, kept.count))
  // An unlisted token that is scored is part of the rest.
  const own = alpha * (token.logprob - first.logprob)
  const least = at < 0 ? Math.max(kept.rest.low, Math.exp(own)) : kept.rest.low
  return {
    low: own - Math.log(listed + Math.max(least, kept.rest.high)),
    high: Math.min(0, own - Math.log(listed + least)),
  }
}

/** One token is possible; where two are as likely, servers take either. */
function greedy({ id, logprob }: { id: number; logprob: number }, [first, second]: Top): Bounds | null {
  if (first === undefined) return null
  const isFirst = id === first.id || logprob >= first.logprob
  if (isFirst && second !== undefined && second.id !== id && first.logprob - second.logprob < oneValue)
    return null
  return isFirst ? { low: 0, high: 0 } : { low: -Infinity, high: -Infinity }
}

/** Weights of the unlisted tokens together, relative to the likeliest one's. */
function restOf(top: Top, alpha: number, vocabulary: number): Bounds {
  const highest = top[0]?.logprob ?? 0
  const last = top.at(-1)?.logprob ?? 0
  const mass = Math.max(0, 1 - sum(top.map(({ logprob }) => Math.exp(logprob))))
  // Nothing is left, or the list goes on to tokens that are impossible.
  if (mass < 1e-9 || last === -Infinity) return { low: 0, high: 0 }
  const count = Math.max(1, vocabulary - top.length)
  const scale = Math.exp(-alpha * highest)
  const steep = mass * Math.exp((alpha - 1) * last) * scale
  const flat = count ** (1 - alpha) * mass ** alpha * scale
  return { low: Math.min(steep, flat), high: Math.max(steep, flat) }
}

/** What min-p, top-k and nucleus leave, in this order: so many listed tokens, and weights of unlisted ones. */
function keep(
  weights: readonly number[],
  all: Bounds,
  { topP, topK, minP = 0 }: Rule,
): { count: number; rest: Bounds } | null {
  const last = weights.at(-1) ?? 0
  let count = weights.length
  let rest = all
  if (minP > 0) {
    count = weights.filter((weight) => weight >= minP).length
    // Some of the unlisted may be heavy enough, or none.
    rest = last < minP ? { low: 0, high: 0 } : { low: 0, high: rest.high }
  }
  if (topK > 0) {
    if (count >= topK && mayTie(weights, topK, rest)) return null
    rest = { low: 0, high: count < topK ? rest.high : 0 }
    count = Math.min(count, topK)
  }
  if (topP >= 1) return { count, rest }
  const listed = sum(weights.slice(0, count))
  const [fewest, most] = [
    nucleus(weights, topP * (listed + rest.low) * (1 - rounding)),
    nucleus(weights, topP * (listed + rest.high) * (1 + rounding)),
  ]
  if (fewest !== most || fewest === 0 || fewest > count || mayTie(weights, fewest, rest)) return null
  return { count: fewest, rest: { low: 0, high: 0 } }
}

/** Whether the last of `count` tokens ties with the next: servers differ in which of them they keep. Impossible ones do not
 *  matter. */
function mayTie(weights: readonly number[], count: number, rest: Bounds): boolean {
  const least = (weights[count - 1] ?? 0) * (1 - rounding)
  return least > 0 && (weights[count] ?? rest.high) >= least
}

/** How many of the first weights reach so much together; 0 when all do not. */
function nucleus(weights: readonly number[], wanted: number): number {
  let reached = 0
  for (const [i, weight] of weights.entries()) {
    reached += weight
    if (reached >= wanted) return i + 1
  }
  return 0
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
