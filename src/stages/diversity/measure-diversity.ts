import { FulcrumError } from '../../errors.ts'
import { rngFor } from '../../statistics/random.ts'
import { words } from '../../text/words.ts'
import { type NgramDiversity, ngramDiversity, quantile, wordBudget } from './ngram-diversity.ts'
import { type Spread, spreadOf } from './spread.ts'
import { type Templates, templatesOf } from './templates.ts'

/** What can be said of the variety of texts without reading them. Shares of texts are of those looked at. */
export interface Diversity {
  readonly texts: number
  /** Texts looked at: all, or as many as `most`, drawn at random. */
  readonly looked_at: number
  /** Words over which `share_of_budget` is taken. */
  readonly word_budget: number
  readonly lengths: Lengths
  readonly ngrams: NgramDiversity
  readonly spread: Spread
  readonly templates: Templates
}

/** Lengths in words. */
interface Lengths {
  readonly mean: number
  readonly p5: number
  readonly median: number
  readonly p95: number
  /** Texts of `from` to `below` words; powers of two. */
  readonly histogram: readonly { readonly from: number; readonly below: number; readonly texts: number }[]
}

export interface MeasureDiversityOptions {
  /** Texts looked at, at most. */
  readonly most: number
  /** Of the draw of texts and pairs. */
  readonly seed: number
}

/** Measures texts as they come; holds those that it looks at in memory. */
export async function measureDiversity(
  texts: AsyncIterable<string>,
  { most, seed }: MeasureDiversityOptions,
): Promise<Diversity> {
  const { seen, sample } = await drawn(texts, most, seed)
  if (seen === 0)
    throw new FulcrumError('data', 'There is no text to measure', 'Give files with texts, and their --field.')
  return {
    texts: seen,
    looked_at: sample.length,
    word_budget: wordBudget,
    lengths: lengthsOf(sample),
    ngrams: ngramDiversity(sample),
    spread: await spreadOf(sample, seed),
    templates: templatesOf(sample),
  }
}

/** A uniform sample in random order (Vitter 1985, algorithm R, then Fisher and Yates). */
async function drawn(
  texts: AsyncIterable<string>,
  most: number,
  seed: number,
): Promise<{ seen: number; sample: string[] }> {
  const random = rngFor(seed, 'diversity', 'sample')
  const sample: string[] = []
  let seen = 0
  for await (const text of texts) {
    seen++
    if (sample.length < most) sample.push(text)
    else {
      const place = random.below(seen)
      if (place < most) sample[place] = text
    }
  }
  for (let i = sample.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[sample[i], sample[j]] = [sample[j] as string, sample[i] as string]
  }
  return { seen, sample }
}

function lengthsOf(texts: readonly string[]): Lengths {
  const lengths = texts.map((text) => words(text).length).sort((a, b) => a - b)
  const bins = new Map<number, number>()
  for (const length of lengths) {
    const from = length === 0 ? 0 : 2 ** Math.floor(Math.log2(length))
    bins.set(from, (bins.get(from) ?? 0) + 1)
  }
  return {
    mean: lengths.reduce((sum, length) => sum + length, 0) / lengths.length,
    p5: quantile(lengths, 0.05),
    median: quantile(lengths, 0.5),
    p95: quantile(lengths, 0.95),
    histogram: [...bins].map(([from, count]) => ({ from, below: Math.max(1, 2 * from), texts: count })),
  }
}
