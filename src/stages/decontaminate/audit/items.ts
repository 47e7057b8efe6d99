import { type BenchmarkChoice, chosenBenchmark } from '../../../store/benchmarks/benchmarks.ts'
import {
  type BenchmarkItemText,
  type BenchmarkSummary,
  benchmarkTexts,
} from '../../../store/benchmarks/texts.ts'
import type { Scan } from '../../../store/audit-summary.ts'
import { FulcrumError } from '../../../errors.ts'
import { words } from '../../../text/words.ts'
import { type IndexedText, indexedText } from '../evidence.ts'

type Looked = Scan['benchmarks'][number]

/** All texts of the chosen benchmarks, and what each offers to be found. */
export interface Items {
  /** Those that are indexed: the position of a text is its entry. */
  readonly indexed: readonly IndexedText[]
  /** Short answers and choices, that tell nothing alone. */
  readonly others: readonly IndexedText[]
  readonly benchmarks: readonly Looked[]
}

/** Reads the benchmarks, each once. */
export async function readBenchmarks(choices: readonly BenchmarkChoice[], cache?: string): Promise<Items> {
  const options = cache === undefined ? {} : { cache }
  checkNames(choices.map((choice) => chosenBenchmark(choice, options).name))
  const indexed: IndexedText[] = []
  const others: IndexedText[] = []
  const benchmarks: Looked[] = []
  for (const choice of choices) {
    const splits = new Map<string, Sizes>()
    let summary: BenchmarkSummary | null = null
    const onSummary = (found: BenchmarkSummary): void => {
      summary = found
    }
    for await (const text of benchmarkTexts(choice, { ...options, onSummary })) {
      const { isFeature, ...rest } = text
      ;(isFeature ? indexed : others).push(indexedText(rest))
      measure(splits, text)
    }
    benchmarks.push(...lookedAt([...splits.values()], summary))
  }
  return { indexed, others, benchmarks }
}

function checkNames(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice === undefined) return
  throw new FulcrumError(
    'config',
    `Two benchmarks have the name ${twice}`,
    'Give one of them another: NAME=PATH.',
  )
}

/** The longest question text of each item, words; of other texts where it has no question. */
interface Sizes {
  readonly of: Pick<BenchmarkItemText, 'benchmark' | 'config' | 'split'>
  readonly items: Map<string, { question: number; other: number }>
  texts: number
}

const questionFields = new Set<string>(['question', 'question+choices'])

function measure(splits: Map<string, Sizes>, text: BenchmarkItemText): void {
  const { benchmark, config, split, itemId, field } = text
  const key = JSON.stringify([config, split])
  const sizes: Sizes = splits.get(key) ?? { of: { benchmark, config, split }, items: new Map(), texts: 0 }
  splits.set(key, sizes)
  const item = sizes.items.get(itemId) ?? { question: 0, other: 0 }
  sizes.items.set(itemId, item)
  const length = words(text.text).length
  if (questionFields.has(field)) item.question = Math.max(item.question, length)
  else if (text.isFeature) item.other = Math.max(item.other, length)
  sizes.texts++
}

function lookedAt(splits: readonly Sizes[], summary: BenchmarkSummary | null): Looked[] {
  return splits.map(({ of, items, texts }, i) => {
    const sizes = [...items].map(([id, { question, other }]) => ({
      id,
      most: question > 0 ? question : other,
    }))
    // The reader counts a benchmark, not its splits; its first line here stands for all.
    const empty = i === 0 ? (summary?.empty ?? []) : []
    return {
      ...of,
      items: items.size + empty.length,
      texts,
      duplicate_ids: i === 0 ? (summary?.repeatedIds ?? 0) : 0,
      undetectable_13: sizes.filter(({ most }) => most < 13).length + empty.length,
      undetectable_7: sizes.filter(({ most }) => most < 7).length + empty.length,
      key_only: sizes.filter(({ most }) => most > 0 && most < 7).length,
      without_feature: [...sizes.filter(({ most }) => most === 0).map(({ id }) => id), ...empty],
    }
  })
}
