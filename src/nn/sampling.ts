/** How a next token is drawn: temperature first, then top-k, then nucleus. */
export interface SamplingRule {
  readonly temperature: number
  readonly topP: number
  readonly topK: number
}

export interface Picked {
  readonly id: number
  /** Log-probability under the sampler itself, nats; 0 when greedy. */
  readonly logprob: number
}

/** Draws one token from logits [V] with one uniform in [0, 1); float64 inside, ties to the lower id. */
export function pick(logits: Float32Array, rule: SamplingRule, uniform: number): Picked {
  if (rule.temperature === 0) return { id: argmax(logits), logprob: 0 }
  const kept = distribution(logits, rule)
  let left = uniform * kept.total
  for (let i = 0; i < kept.ids.length; i++) {
    left -= kept.mass[i] as number
    if (left < 0) return picked(kept, i)
  }
  return picked(kept, kept.ids.length - 1)
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
  return { logprob: at < 0 ? -Infinity : picked(kept, at).logprob, entropy: entropyOf(kept), isGreedy }
}

interface Distribution {
  readonly ids: ArrayLike<number> & { indexOf(id: number): number }
  /** Unnormalised mass of each id. */
  readonly mass: Float64Array
  readonly total: number
}

const picked = ({ ids, mass, total }: Distribution, at: number): Picked => ({
  id: ids[at] as number,
  logprob: Math.log((mass[at] as number) / total),
})

function entropyOf({ mass, total }: Distribution): number {
  let sum = 0
  for (const value of mass) if (value > 0) sum += value * Math.log(value)
  return Math.max(0, Math.log(total) - sum / total)
}

function distribution(logits: Float32Array, { temperature, topP, topK }: SamplingRule): Distribution {
  const highest = logits[argmax(logits)] as number
  const mass = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature))
  if ((topK === 0 || topK >= mass.length) && topP >= 1) {
    return { ids: identity(mass.length), mass, total: sum(mass) }
  }
  const order = identity(mass.length).slice()
  order.sort((a, b) => (mass[b] as number) - (mass[a] as number) || a - b)
  const top = topK === 0 ? order : order.subarray(0, topK)
  const ids = nucleus(top, mass, topP)
  const kept = Float64Array.from(ids, (id) => mass[id] as number)
  return { ids, mass: kept, total: sum(kept) }
}

/** The shortest head of `order` whose mass reaches topP of its total; at least one token. */
function nucleus(order: Int32Array, mass: Float64Array, topP: number): Int32Array {
  if (topP >= 1) return order
  let total = 0
  for (const id of order) total += mass[id] as number
  let reached = 0
  for (let i = 0; i < order.length; i++) {
    reached += mass[order[i] as number] as number
    if (reached >= topP * total) return order.subarray(0, i + 1)
  }
  return order
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

function argmax(values: Float32Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i
  return best
}
