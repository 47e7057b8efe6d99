import type { Status } from '../../../src/stages/decontaminate/rules.ts'

/** The rules written straight from their definitions, on words, without index, runs or spans. */
export interface NaiveOptions {
  readonly info: number
  readonly contaminated: number
  readonly leastNgrams: number
  readonly allowed: readonly string[]
}

const grams = (of: readonly string[], n: number): string[] => {
  const found: string[] = []
  for (let i = 0; i + n <= of.length; i++) found.push(of.slice(i, i + n).join(' '))
  return [...new Set(found)]
}

const worst = (statuses: readonly Status[]): Status =>
  statuses.includes('contaminated') ? 'contaminated' : statuses.includes('partial') ? 'partial' : 'clean'

type NaiveRule = (
  text: readonly string[],
  items: readonly (readonly string[])[],
  options: NaiveOptions,
) => Status

const isAllowed = (ngram: string, allowed: readonly string[]): boolean =>
  allowed.some((phrase) => ` ${phrase} `.includes(` ${ngram} `) || ` ${ngram} `.includes(` ${phrase} `))

const isShort = (text: readonly string[], item: readonly string[]): boolean =>
  item.length > 0 && item.length < 13 && item.join(' ') === text.join(' ')

const phi4: NaiveRule = (text, items, { info, contaminated, leastNgrams, allowed }) => {
  if (items.some((item) => isShort(text, item))) return 'contaminated'
  const benchmark13 = new Set(items.flatMap((item) => grams(item, 13)))
  for (const ngram of grams(text, 13))
    if (benchmark13.has(ngram) && !isAllowed(ngram, allowed)) return 'contaminated'
  let largest = 0
  for (const item of items) {
    const [mine, theirs] = [grams(text, 7), grams(item, 7)]
    const smaller = Math.min(mine.length, theirs.length)
    const shared = mine.filter((ngram) => theirs.includes(ngram)).length
    if (smaller === 0 || (smaller < leastNgrams && shared < theirs.length)) continue
    largest = Math.max(largest, shared / smaller)
  }
  if (largest <= info) return 'clean'
  return largest >= contaminated ? 'contaminated' : 'partial'
}

const gpt3: NaiveRule = (text, items, { allowed }) => {
  const collides = (item: readonly string[]): boolean =>
    grams(item, 13).some((ngram) => grams(text, 13).includes(ngram) && !isAllowed(ngram, allowed))
  return items.some((item) => isShort(text, item) || collides(item)) ? 'contaminated' : 'clean'
}

const palm70: NaiveRule = (text, items, { contaminated }) => {
  const mine = grams(text, 8)
  const share = (item: readonly string[]): number => {
    const all = grams(item, 8)
    return all.length === 0 ? 0 : all.filter((ngram) => mine.includes(ngram)).length / all.length
  }
  return items.some((item) => isShort(text, item) || share(item) >= contaminated) ? 'contaminated' : 'clean'
}

/** Whether some n words of the text are words from..from+n of the item. */
const holds = (text: readonly string[], item: readonly string[], from: number, n: number): boolean =>
  ` ${text.join(' ')} `.includes(` ${item.slice(from, from + n).join(' ')} `)

const llama2: NaiveRule = (text, items, { info, contaminated }) =>
  worst(
    items.map((item) => {
      if (isShort(text, item)) return 'contaminated'
      const inMatch = item.map(() => false)
      for (let from = 0; from + 11 <= item.length; from++)
        if (holds(text, item, from, 11)) inMatch.fill(true, from, from + 11)
      const share = item.length === 0 ? 0 : inMatch.filter(Boolean).length / item.length
      return share >= contaminated ? 'contaminated' : share > 0 && share >= info ? 'partial' : 'clean'
    }),
  )

const longest: NaiveRule = (text, items, { info, contaminated }) =>
  worst(
    items.map((item) => {
      if (isShort(text, item)) return 'contaminated'
      let most = 0
      for (let from = 0; from < item.length; from++)
        for (let n = 7; from + n <= item.length; n++) if (holds(text, item, from, n)) most = Math.max(most, n)
      const share = most / Math.max(1, item.length)
      return share <= info ? 'clean' : share >= contaminated ? 'contaminated' : 'partial'
    }),
  )

export const naiveRules = { phi4, strict: phi4, gpt3, palm70, llama2, 'longest-match': longest } as const
