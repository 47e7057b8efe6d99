/** What the scanner and the signer are measured against. */
import { createRequire } from 'node:module'

/** The scan as one writes it first: lower-case, split at everything else, join every n words, ask a Map. Returns the
 *  number of n-grams found. ASCII only. The rule asks for n = 7 and n = 13; the kernel answers both at once. */
export function naiveScan(texts: readonly string[], lengths: readonly number[]): (text: string) => number {
  const split = (text: string): string[] =>
    text
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter((word) => word !== '')
  const maps = lengths.map((n) => ({ n, owners: new Map<string, number[]>() }))
  texts.forEach((text, entry) => {
    const words = split(text)
    for (const { n, owners } of maps)
      for (let i = 0; i + n <= words.length; i++) {
        const gram = words.slice(i, i + n).join(' ')
        const found = owners.get(gram)
        if (found === undefined) owners.set(gram, [entry])
        else found.push(entry)
      }
  })
  return (text) => {
    const words = split(text)
    let found = 0
    for (const { n, owners } of maps)
      for (let i = 0; i + n <= words.length; i++) if (owners.has(words.slice(i, i + n).join(' '))) found++
    return found
  }
}

interface NpmMinhash {
  update(shingle: string): void
  readonly hashvalues: readonly number[]
}
const require = createRequire(import.meta.url)
const { Minhash } = require('minhash') as {
  Minhash: new (options: { numPerm: number }) => NpmMinhash
}

/** Signatures by the npm package `minhash`, 112 slots over 5-word shingles. */
export function npmSign(text: string): readonly number[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? []
  const signature = new Minhash({ numPerm: 112 })
  for (let i = 0; i + 5 <= words.length; i++) signature.update(words.slice(i, i + 5).join(' '))
  return signature.hashvalues
}
