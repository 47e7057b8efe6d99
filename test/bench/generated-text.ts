import { rngFor } from '../../src/statistics/random.ts'

/** Seeded text that looks like English to a scanner: a Zipf vocabulary, short words the frequent ones, sentences and
 *  paragraphs; no word of it is anybody's. */
export function textMaker(seed: number): { readonly text: (words: number) => string } {
  const rng = rngFor(seed, 'generated text')
  const vocabulary = Array.from({ length: vocabularySize }, (_, rank) => newWord(rank, () => rng.next()))
  const cumulative = new Float64Array(vocabularySize)
  let sum = 0
  for (let rank = 0; rank < vocabularySize; rank++) cumulative[rank] = sum += 1 / (rank + 2.7)
  const draw = (): string => {
    const wanted = rng.next() * sum
    let [low, high] = [0, vocabularySize - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    return vocabulary[low] as string
  }
  return {
    text(words) {
      const parts: string[] = []
      let begins = true
      for (let i = 0; i < words; i++) {
        const word = draw()
        parts.push(begins ? word.charAt(0).toUpperCase() + word.slice(1) : word)
        const sign = rng.next()
        begins = sign < 0.06
        parts.push(sign < 0.005 ? '.\n\n' : sign < 0.06 ? '. ' : sign < 0.12 ? ', ' : sign < 0.13 ? '-' : ' ')
      }
      return parts.join('')
    },
  }
}

const vocabularySize = 60_000

/** Ranks 0..: from two letters to about nine, as in English, where the mean over running text is about 4.7. */
function newWord(rank: number, next: () => number): string {
  const length = Math.max(1, Math.round(1.4 + 0.58 * Math.log(rank + 2) + 3 * (next() - 0.5)))
  let word = ''
  while (word.length < length) {
    word += consonants.charAt(Math.floor(next() * consonants.length))
    if (word.length < length) word += vowels.charAt(Math.floor(next() * vowels.length))
  }
  return word
}

const consonants = 'tnshrdlcmwfgypbvk'
const vowels = 'eeeaaoiiu'
