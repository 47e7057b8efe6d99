import type { Completion, Model } from '../../../src/model/model.ts'
import { seedFor } from '../../../src/statistics/random.ts'

/** Completions drawn at once: small requests waste most of a batch. Where tokens are forbidden few are wanted of most places, and of
 *  some hundreds: each block is twice the one before it. */
const blockOf = (blocks: number, banned: readonly number[] = []): number =>
  banned.length === 0 ? 64 : Math.min(64, 2 ** (blocks + 1))

interface Place {
  readonly blocks: Promise<readonly Completion[]>[]
  drawn: number
}

/** One stock of completions for several readers, each of which gets them in the order they were drawn and none twice: methods
 *  that are compared see the same chance, and what one has drawn costs the next nothing. The seed of a request is
 *  not looked at: fresh is what the reader has not had. */
export function poolOf(model: Model, ...key: readonly (string | number)[]): { readonly reader: () => Model } {
  const stock = new Map<string, Place>()
  return {
    reader: () => {
      const taken = new Map<string, number>()
      return {
        ...model,
        sample: async (prompt, options) => {
          const { n, ...rest } = options
          const { temperature, topP, topK, minP, maxTokens, bannedFirst } = rest
          const name = JSON.stringify([prompt, temperature, topP, topK, minP, maxTokens, bannedFirst])
          const first = taken.get(name) ?? 0
          taken.set(name, first + n)
          const place = stock.get(name) ?? { blocks: [], drawn: 0 }
          stock.set(name, place)
          while (place.drawn < first + n) {
            const { length } = place.blocks
            const block = blockOf(length, bannedFirst)
            place.blocks.push(
              model.sample(prompt, { ...rest, n: block, seed: seedFor(...key, name, length) }),
            )
            place.drawn += block
          }
          return (await Promise.all(place.blocks)).flat().slice(first, first + n)
        },
      }
    },
  }
}
