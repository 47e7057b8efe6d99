import { FulcrumError } from '../../errors.ts'
import { words } from '../../text/words.ts'
import { readRecords } from '../records.ts'
import {
  type BenchmarkChoice,
  type CacheOption,
  type ChosenBenchmark,
  chosenBenchmark,
} from './benchmarks.ts'
import { fileProblem } from './cache.ts'
import { type Item, type ItemFields, itemFields, letter, valueAt } from './item-fields.ts'
import { usualColumns, usualIds, usualQuestions } from './usual-columns.ts'

export type ItemField = 'question' | 'question+choices' | 'choice' | 'answer' | 'context' | 'solution'

/** One text of one benchmark item. */
export interface BenchmarkItemText {
  readonly benchmark: string
  /** Empty for files that were given as such. */
  readonly config: string
  readonly split: string
  /** Unique within config and split; the row number from 1 where items have no id. */
  readonly itemId: string
  readonly field: ItemField
  readonly text: string
  /** Whether the text tells a leak by itself. Questions do, however short. Other texts of fewer than 7 words have no
   *  7-gram and stand in any corpus ("18", "Paris", "all of the above"): they are here to be shown and to be looked for
   *  near a match, and must not be indexed. */
  readonly isFeature: boolean
}

/** What was read, so that nothing vanishes silently. */
export interface BenchmarkSummary {
  readonly benchmark: string
  readonly items: number
  readonly texts: number
  /** Ids of items without a word. */
  readonly empty: readonly string[]
  /** Items whose id another item had before; theirs got #2, #3 and so on. */
  readonly repeatedIds: number
  /** Items whose answer names none of their choices. */
  readonly unresolvedAnswers: number
}

export interface BenchmarkTextsOptions extends CacheOption {
  /** Called once, after the last text. */
  readonly onSummary?: (summary: BenchmarkSummary) => void
}

/** Words of the shortest text that has a 7-gram. */
const fewestWords = 7

/** Texts of a benchmark's items: question alone, question with choices, every choice, answer, context, solution. Files
 *  from the cache are checked against their recorded sha256 first. */
export async function* benchmarkTexts(
  choice: BenchmarkChoice,
  options: BenchmarkTextsOptions = {},
): AsyncGenerator<BenchmarkItemText> {
  const chosen = chosenBenchmark(choice, options)
  await checkFiles(chosen)
  const empty: string[] = []
  let [items, texts, repeatedIds, unresolvedAnswers] = [0, 0, 0, 0]
  for (const { config, split, files } of chosen.parts) {
    const taken = new Set<string>()
    let row = 0
    for (const { path } of files) {
      for await (const { line, value, error } of readRecords(path)) {
        if (value === null) throw noItem(path, line, error)
        items++
        const { fields, id } = readItem(value, chosen, ++row)
        const itemId = uniqueId(id, taken)
        if (itemId !== id) repeatedIds++
        if (fields.isUnresolved) unresolvedAnswers++
        const found = textsOf(fields)
        if (found.length === 0) empty.push(itemId)
        for (const text of found) yield { benchmark: chosen.name, config, split, itemId, ...text }
        texts += found.length
      }
    }
  }
  if (texts === 0) throw noTexts(chosen, items)
  options.onSummary?.({ benchmark: chosen.name, items, texts, empty, repeatedIds, unresolvedAnswers })
}

async function checkFiles({ name, parts }: ChosenBenchmark): Promise<void> {
  for (const { path, sha256 } of parts.flatMap(({ files }) => files)) {
    const problem = sha256 === null ? null : await fileProblem(path, sha256)
    if (problem !== null) {
      throw new FulcrumError('data', problem, `Run fulcrum benchmarks fetch ${name} to get it again.`)
    }
  }
}

function readItem(
  item: Item,
  { columns, mayGuess }: ChosenBenchmark,
  row: number,
): { fields: ItemFields; id: string } {
  const described = columns === null ? null : itemFields(item, columns)
  const guesses = described === null || (mayGuess && described.question.length === 0)
  return {
    fields: guesses ? itemFields(item, usualColumns(item)) : described,
    id: idOf(item, guesses ? usualIds : (columns?.id ?? []), row),
  }
}

function idOf(item: Item, paths: readonly string[], row: number): string {
  for (const path of paths) {
    const id = valueAt(item, path)
    if ((typeof id === 'string' && id !== '') || typeof id === 'number' || typeof id === 'bigint')
      return String(id)
  }
  return String(row)
}

function uniqueId(id: string, taken: Set<string>): string {
  let unique = id
  for (let n = 2; taken.has(unique); n++) unique = `${id}#${n}`
  taken.add(unique)
  return unique
}

function textsOf({
  question,
  choices,
  answer,
  context,
  solution,
}: ItemFields): Pick<BenchmarkItemText, 'field' | 'text' | 'isFeature'>[] {
  const listed = choices.map((choice, i) => `${letter(i)}. ${choice}`)
  const whole = question.length > 0 && choices.length > 0 ? [[...question, ...listed].join('\n')] : []
  const byField: [ItemField, readonly string[]][] = [
    ['question', question],
    ['question+choices', whole],
    ['choice', choices],
    ['answer', joinedIfShort(answer)],
    ['context', context],
    // GSM8K's calculator marks <<48/2=24>> are dropped by most who copy it.
    ['solution', solution.flatMap((text) => [text, text.replace(/<<[^<>]*>>/g, '')])],
  ]
  return byField.flatMap(([field, texts]) =>
    [...new Set(texts)].flatMap((text) => {
      const count = words(text).length
      const isFeature = field === 'question' || field === 'question+choices' || count >= fewestWords
      return count === 0 ? [] : [{ field, text, isFeature }]
    }),
  )
}

/** Tests of code come one a text; short ones say nothing apart. */
const joinedIfShort = (texts: readonly string[]): readonly string[] =>
  texts.length > 1 && texts.some((text) => words(text).length < fewestWords)
    ? [...texts, texts.join('\n')]
    : texts

const noItem = (path: string, line: number, error: string | null): FulcrumError =>
  new FulcrumError(
    'data',
    `${path}:${line} is no benchmark item: ${String(error)}`,
    'Mend the line: an item that is not read cannot be protected.',
  )

function noTexts({ name, columns, parts }: ChosenBenchmark, items: number): FulcrumError {
  const file = parts[0]?.files[0]?.path ?? name
  if (items === 0) {
    return new FulcrumError(
      'data',
      `${file} has no items`,
      'Fetch or write the file again: an empty benchmark protects nothing.',
    )
  }
  const looked =
    columns?.question.map((field) => (typeof field === 'string' ? field : field.path)) ?? usualQuestions
  return new FulcrumError(
    'data',
    `${file} has ${items} items and no text in ${looked.join(', ')}`,
    'Name the fields that hold its questions: { file, fields: [...] }.',
  )
}
