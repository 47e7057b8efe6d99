import { FulcrumError } from '../errors.ts'

/** How a next token is drawn: temperature, then min-p, top-k and nucleus, each on what the one before left. That is
 *  vLLM's order; transformers puts min-p last, which differs only where nucleus and min-p are both on. */
export interface SamplingRule {
  readonly temperature: number
  /** Nucleus: the most likely tokens whose mass reaches this share; 1 is off. */
  readonly topP: number
  /** Most likely tokens kept, with all that tie with the last of them; 0 is off. */
  readonly topK: number
  /** Tokens at least this share of the likeliest one's probability are kept; 0, or left out, is off. */
  readonly minP?: number | undefined
}

/** Refuses a rule that no sampler follows; every mistake at once. */
export function checkRule({ temperature, topP, topK, minP = 0 }: SamplingRule): void {
  const share = (value: number): boolean => value >= 0 && value <= 1
  const wrong = [
    ...(temperature >= 0 && Number.isFinite(temperature) ? [] : [`temperature ${temperature}`]),
    ...(share(topP) ? [] : [`topP ${topP}`]),
    ...(Number.isSafeInteger(topK) && topK >= 0 ? [] : [`topK ${topK}`]),
    ...(share(minP) ? [] : [`minP ${minP}`]),
  ]
  if (wrong.length === 0) return
  throw new FulcrumError(
    'config',
    `No sampler has ${wrong.join(', ')}`,
    'Wanted: temperature from 0, topP and minP from 0 to 1, topK a whole number from 0 (0 is off).',
  )
}

export interface Picked {
  readonly id: number
  /** Log-probability under the sampler itself, nats; 0 when greedy. */
  readonly logprob: number
  /** Log-probability under the model, temperature 1 and nothing cut off, nats. */
  readonly modelLogprob: number
}

/** Draws one token from logits [V] with one uniform in [0, 1); float64 inside, ties to the lower id. `banned` ids are
 *  taken out before the temperature, and are part of the model's distribution all the same. */
export function pick(
  logits: Float32Array,
  rule: SamplingRule,
  uniform: number,
  banned: readonly number[] = [],
): Picked {
  const allowed = banned.length === 0 ? logits : without(logits, banned)
  const { id, logprob } =
    rule.temperature === 0 ? greedy(allowed) : draw(distribution(allowed, rule), uniform)
  const asModel = isWhole(rule, logits.length) && rule.temperature === 1 && banned.length === 0
  return { id, logprob, modelLogprob: asModel ? logprob : (logits[id] as number) - logSumExp(logits) }
}

/** What the sampler makes of a given token. */
export interface Scored {
  /** Log-probability the sampler gives the token, nats; -Infinity where truncation excludes it. */
  readonly logprob: number
  /** Of the sampler's whole distribution at that place, nats. */
  readonly entropy: number
  /** No other token is more likely; ties to the lower id. */
  readonly isGreedy: boolean
}

/** Scores `id` against logits [V]; float64 inside. */
export function scoreOf(logits: Float32Array, id: number, rule: SamplingRule): Scored {
  const isGreedy = argmax(logits) === id
  if (rule.temperature === 0) return { logprob: isGreedy ? 0 : -Infinity, entropy: 0, isGreedy }
  const kept = distribution(logits, rule)
  const at = kept.ids.indexOf(id)
  return { logprob: at < 0 ? -Infinity : drawn(kept, at).logprob, entropy: entropyOf(kept), isGreedy }
}

interface Drawn {
  readonly id: number
  readonly logprob: number
}

interface Distribution {
  readonly ids: ArrayLike<number> & { indexOf(id: number): number }
  /** Unnormalised mass of each id. */
  readonly mass: Float64Array
  readonly total: number
}

function without(logits: Float32Array, banned: readonly number[]): Float32Array {
  const allowed = logits.slice()
  for (const id of banned) allowed[id] = -Infinity
  return allowed
}

const greedy = (logits: Float32Array): Drawn => ({ id: argmax(logits), logprob: 0 })

function draw(kept: Distribution, uniform: number): Drawn {
  let left = uniform * kept.total
  for (let i = 0; i < kept.ids.length; i++) {
    left -= kept.mass[i] as number
    if (left < 0) return drawn(kept, i)
  }
  // Rounding left a sliver: it is the last token's that has any mass.
  return drawn(
    kept,
    kept.mass.findLastIndex((mass) => mass > 0),
  )
}

const drawn = ({ ids, mass, total }: Distribution, at: number): Drawn => ({
  id: ids[at] as number,
  logprob: Math.log((mass[at] as number) / total),
})

function entropyOf({ mass, total }: Distribution): number {
  let sum = 0
  for (const value of mass) if (value > 0) sum += value * Math.log(value)
  return Math.max(0, Math.log(total) - sum / total)
}

const isWhole = ({ topP, topK, minP = 0 }: SamplingRule, vocabulary: number): boolean =>
  topP >= 1 && minP <= 0 && (topK === 0 || topK >= vocabulary)

function distribution(logits: Float32Array, rule: SamplingRule): Distribution {
  const highest = logits[argmax(logits)] as number
  const mass = new Float64Array(logits.length)
  for (let i = 0; i < mass.length; i++)
    mass[i] = Math.exp(((logits[i] as number) - highest) / rule.temperature)
  if (isWhole(rule, mass.length)) return { ids: identity(mass.length), mass, total: sum(mass) }
  const ids = keptIds(mass, rule)
  const kept = Float64Array.from(ids, (id) => mass[id] as number)
  return { ids, mass: kept, total: sum(kept) }
}

/** Heads of the distribution that are sorted in turn until one holds all that is kept, so that a whole vocabulary is
 *  sorted only for a flat one; shares of the likeliest token's probability. */
const heads = [1e-2, 1e-5]

/** Ids that min-p, top-k and nucleus leave. The likeliest token's mass is 1. */
function keptIds(mass: Float64Array, { topP, topK, minP = 0 }: SamplingRule): Int32Array {
  if (topK === 0 && topP >= 1) return identity(mass.length).filter((id) => (mass[id] as number) >= minP)
  const left = topK === 0 ? sumFrom(mass, minP) : 0
  for (const share of heads) {
    if (share <= minP) break
    const kept = cut(sorted(mass, share), mass, { topP, topK, left })
    if (kept !== null) return kept
  }
  const all = sorted(mass, minP)
  return cut(all, mass, { topP, topK: Math.min(topK, all.length), left }) ?? all
}

/** Top-k and nucleus of ids in order; null when these are too few. `left` is the mass of all that min-p left. */
function cut(
  ids: Int32Array,
  mass: Float64Array,
  { topP, topK, left }: { readonly topP: number; readonly topK: number; readonly left: number },
): Int32Array | null {
  if (topK > ids.length) return null
  const top = topK === 0 ? ids : ids.subarray(0, withTies(ids, mass, topK))
  if (topP >= 1) return top
  const count = nucleus(top, mass, topP * (topK === 0 ? left : sumOf(top, mass)))
  if (count > 0) return top.subarray(0, count)
  return topK === 0 ? null : top
}

/** Ids whose mass is at least `least`, heaviest first, ties to the lower id. */
function sorted(mass: Float64Array, least: number): Int32Array {
  const ids = identity(mass.length).filter((id) => (mass[id] as number) >= least)
  return ids.sort((a, b) => (mass[b] as number) - (mass[a] as number) || a - b)
}

/** `count` and all that tie with the last of those. */
function withTies(ids: Int32Array, mass: Float64Array, count: number): number {
  const last = mass[ids[count - 1] as number]
  let end = count
  while (end < ids.length && mass[ids[end] as number] === last) end++
  return end
}

/** How many of the first ids have `wanted` mass together, at least one; 0 when all have less. */
function nucleus(ids: Int32Array, mass: Float64Array, wanted: number): number {
  let reached = 0
  for (let i = 0; i < ids.length; i++) {
    reached += mass[ids[i] as number] as number
    if (reached >= wanted) return i + 1
  }
  return 0
}

const identities = new Map<number, Int32Array>()
function identity(length: number): Int32Array {
  const known = identities.get(length)
  if (known !== undefined) return known
  const ids = Int32Array.from({ length }, (_, i) => i)
  identities.set(length, ids)
  return ids
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}

function sumFrom(values: Float64Array, least: number): number {
  let total = 0
  for (const value of values) if (value >= least) total += value
  return total
}

function sumOf(ids: Int32Array, mass: Float64Array): number {
  let total = 0
  for (const id of ids) total += mass[id] as number
  return total
}

function logSumExp(logits: Float32Array): number {
  const highest = logits[argmax(logits)] as number
  let total = 0
  for (const logit of logits) total += Math.exp(logit - highest)
  return highest + Math.log(total)
}

function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i
  return best
}
