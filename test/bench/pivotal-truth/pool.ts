import type { Completion, Model } from '../../../src/model/model.ts'
import { seedFor } from '../../../src/statistics/random.ts'

/** Completions drawn at once: small requests waste most of a batch. Where tokens are forbidden few are wanted of each place. */
const blockOf = (banned: readonly number[] = []): number => (banned.length > 1 ? 2 : 64)

/** One stock of completions for several readers, each of which gets them in the order they were drawn and none twice: methods
 *  that are compared see the same chance, and what one has drawn costs the next nothing. The seed of a request is
 *  not looked at: fresh is what the reader has not had. */
export function poolOf(model: Model, ...key: readonly (string | number)[]): { readonly reader: () => Model } {
  const stock = new Map<string, Promise<readonly Completion[]>[]>()
  return {
    reader: () => {
      const taken = new Map<string, number>()
      return {
        ...model,
        sample: async (prompt, options) => {
          const { n, ...rest } = options
          const { temperature, topP, topK, minP, maxTokens, bannedFirst } = rest
          const place = JSON.stringify([prompt, temperature, topP, topK, minP, maxTokens, bannedFirst])
          const block = blockOf(bannedFirst)
          const first = taken.get(place) ?? 0
          taken.set(place, first + n)
          const blocks = stock.get(place) ?? []
          stock.set(place, blocks)
          while (blocks.length * block < first + n)
            blocks.push(
              model.sample(prompt, { ...rest, n: block, seed: seedFor(...key, place, blocks.length) }),
            )
          const wanted = blocks.slice(Math.floor(first / block), Math.ceil((first + n) / block))
          const offset = first % block
          return (await Promise.all(wanted)).flat().slice(offset, offset + n)
        },
      }
    },
  }
}
