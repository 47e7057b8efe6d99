/** What the scanner and the signer are measured against. */
import { createRequire } from 'node:module'

/** The scan as one writes it first: lower-case, split at everything else, join every 7 words, ask a Map. Returns the
 *  number of 7-grams found. ASCII only. */
export function naiveScan(texts: readonly string[]): (text: string) => number {
  const owners = new Map<string, number[]>()
  const split = (text: string): string[] =>
    text
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter((word) => word !== '')
  texts.forEach((text, entry) => {
    const words = split(text)
    for (let i = 0; i + 7 <= words.length; i++) {
      const gram = words.slice(i, i + 7).join(' ')
      const found = owners.get(gram)
      if (found === undefined) owners.set(gram, [entry])
      else found.push(entry)
    }
  })
  return (text) => {
    const words = split(text)
    let found = 0
    for (let i = 0; i + 7 <= words.length; i++) if (owners.has(words.slice(i, i + 7).join(' '))) found++
    return found
  }
}

interface NpmMinhash {
  update(shingle: string): void
  readonly hashvalues: readonly number[]
}
const { Minhash } = createRequire(import.meta.url)('minhash') as {
  Minhash: new (options: { numPerm: number }) => NpmMinhash
}

/** Signatures by the npm package `minhash`, 112 slots over 5-word shingles. */
export function npmSign(text: string): readonly number[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? []
  const signature = new Minhash({ numPerm: 112 })
  for (let i = 0; i + 5 <= words.length; i++) signature.update(words.slice(i, i + 5).join(' '))
  return signature.hashvalues
}
