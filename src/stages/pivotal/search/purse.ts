import type { Ask, Rollout, RolloutSource } from './source.ts'

/** Buys rollouts for one trace and counts them, up to a cap. */
export class Purse {
  search = 0
  confirm = 0
  tokens = 0
  readonly #source: RolloutSource
  readonly #most: number
  #closed = false
  #cut = false

  constructor(source: RolloutSource, most: number) {
    this.#source = source
    this.#most = most
  }

  /** What kept it from buying all that was asked for. */
  get stoppedBy(): 'max rollouts' | 'closed source' | null {
    return this.#closed ? 'closed source' : this.#cut ? 'max rollouts' : null
  }

  /** Rollouts that may still be bought. */
  get left(): number {
    return this.#closed ? 0 : this.#most - this.search - this.confirm
  }

  /** The answers to all asks, in their order; asks beyond `most` rollouts in all are cut. None once nothing can be bought. */
  async buy(asks: readonly Ask[], most = this.#most): Promise<readonly Rollout[]> {
    if (this.#closed) return []
    const affordable: Ask[] = []
    for (const ask of merged(asks)) {
      const n = Math.min(ask.n, Math.max(0, most - this.search - this.confirm))
      if (n < ask.n) this.#cut = true
      if (n === 0) continue
      affordable.push({ ...ask, n })
      this[ask.purpose] += n
    }
    const answers = await Promise.all(affordable.map((ask) => this.#source.draw(ask)))
    for (const [i, { n, purpose }] of affordable.entries()) {
      const rollouts = answers[i] as readonly Rollout[]
      if (rollouts.length < n) this.#closed = true
      this[purpose] -= n - rollouts.length
      this.tokens += rollouts.reduce((sum, { tokens }) => sum + tokens, 0)
    }
    return answers.flat()
  }
}

/** One ask a node, kind and purpose: two under way from one node would have no order. */
export function merged(asks: readonly Ask[]): readonly Ask[] {
  const byPlace = new Map<string, Ask>()
  for (const ask of asks) {
    const place = JSON.stringify([ask.node, ask.forced, ask.purpose, ask.branch])
    byPlace.set(place, { ...ask, n: ask.n + (byPlace.get(place)?.n ?? 0) })
  }
  return [...byPlace.values()]
}
