import type { Ask, Rollout, RolloutSource } from './source.ts'

/** Buys rollouts for one trace and counts them, up to a cap. */
export class Purse {
  search = 0
  confirm = 0
  tokens = 0
  stoppedBy: 'max rollouts' | 'closed source' | null = null
  readonly #source: RolloutSource
  readonly #most: number

  constructor(source: RolloutSource, most: number) {
    this.#source = source
    this.#most = most
  }

  /** The answers to all asks, in their order; asks beyond the cap are cut. Null once nothing more can be bought. */
  async buy(asks: readonly Ask[], most = this.#most): Promise<readonly Rollout[] | null> {
    if (this.stoppedBy !== null) return null
    const affordable: Ask[] = []
    for (const ask of asks) {
      const n = Math.min(ask.n, Math.max(0, most - this.search - this.confirm))
      if (n < ask.n && most === this.#most) this.stoppedBy = 'max rollouts'
      if (n === 0) continue
      affordable.push({ ...ask, n })
      this[ask.purpose] += n
    }
    const answers = await Promise.all(affordable.map((ask) => this.#source.draw(ask)))
    for (const [i, { n, purpose }] of affordable.entries()) {
      const rollouts = answers[i] as readonly Rollout[]
      if (rollouts.length < n) this.stoppedBy = 'closed source'
      this[purpose] -= n - rollouts.length
      this.tokens += rollouts.reduce((sum, { tokens }) => sum + tokens, 0)
    }
    return answers.flat()
  }
}
