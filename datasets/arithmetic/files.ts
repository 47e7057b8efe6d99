import { createHash } from 'node:crypto'
import { rngFor } from '../../src/statistics/random.ts'
import { type ArithmeticProblem, problemsOf, type Split } from './generate.ts'

/** A file of problems: how many, from which split, drawn with which seed. */
interface ProblemFile {
  readonly name: string
  readonly split: Split
  readonly seed: number
  readonly count: number
  readonly purpose: string
}

/** Seeds differ from those of the models' training data (model.ts), so that pairs are found on problems of their own. */
export const problemFiles: readonly ProblemFile[] = [
  {
    name: 'problems.jsonl',
    split: 'train',
    seed: 100,
    count: 300,
    purpose: 'input of the quickstart pipeline',
  },
  { name: 'development.jsonl', split: 'development', seed: 200, count: 300, purpose: 'tuning' },
  { name: 'held-out.jsonl', split: 'held-out', seed: 300, count: 1000, purpose: 'measuring, once' },
]

/** Items of the planted benchmark: word for word from problems.jsonl, reworded from it, and unrelated. */
export const planted = { verbatim: 5, reworded: 5, unrelated: 30 } as const
const plantedSeed = 400

/** Every generated file of datasets/arithmetic by name; the same bytes each time. */
export function arithmeticFiles(): Map<string, string> {
  const files = new Map(
    problemFiles.map(({ name, split, seed, count }) => {
      const rows = [...problemsOf(split, seed, count)].map(({ id, problem, answer, family }) => ({
        id,
        problem,
        answer,
        family,
      }))
      return [name, lines(rows)]
    }),
  )
  files.set('contamination.jsonl', lines(contaminationItems()))
  files.set('README.md', card(files))
  return files
}

/** A benchmark that leaks on purpose: a quarter of its items are, or nearly are, problems of problems.jsonl. */
function contaminationItems(): { id: string; question: string; answer: string; planted: string }[] {
  const { split, seed, count } = problemFiles[0] as ProblemFile
  const leaked = chosen([...problemsOf(split, seed, count)], planted.verbatim + planted.reworded)
  const unrelated = [...problemsOf('held-out', plantedSeed, planted.unrelated)]
  const items = [
    ...leaked.slice(0, planted.verbatim).map((from) => item(from, from.problem, `verbatim ${from.id}`)),
    ...leaked.slice(planted.verbatim).map((from) => item(from, reworded(from), `reworded ${from.id}`)),
    ...unrelated.map((from) => item(from, from.problem, 'no')),
  ]
  return items.map((entry, i) => ({ id: `planted-${i}`, ...entry }))
}

const item = (from: ArithmeticProblem, question: string, planted: string) => ({
  question,
  answer: from.answer,
  planted,
})

/** Another opening, other case, other marks; the words of the problem stay in order. */
const reworded = ({ problem }: ArithmeticProblem): string =>
  `Here is a question for you: ${problem.toLowerCase().replaceAll('. ', ' - ')} Show your work!`

/** `count` problems spread over the file, keyed by their place. */
function chosen(from: readonly ArithmeticProblem[], count: number): ArithmeticProblem[] {
  const order = from.map((problem, i) => ({ problem, at: rngFor(plantedSeed, 'planted', i).next() }))
  order.sort((a, b) => a.at - b.at)
  return order.slice(0, count).map(({ problem }) => problem)
}

const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

function card(files: ReadonlyMap<string, string>): string {
  const sha = (name: string): string =>
    createHash('sha256')
      .update(files.get(name) ?? '')
      .digest('hex')
  const rows = problemFiles.map(
    ({ name, split, seed, count, purpose }) =>
      `| ${name} | ${count} | ${split} | ${seed} | ${purpose} | \`${sha(name)}\` |`,
  )
  const { verbatim, reworded, unrelated } = planted
  return `# Arithmetic word problems

Made by \`generate.ts\`; \`npx tsx datasets/arithmetic/make.ts\` writes these files again, byte for byte. Licence: MIT.

| file | rows | split | seed | for | sha256 |
|---|---|---|---|---|---|
${rows.join('\n')}
| contamination.jsonl | ${verbatim + reworded + unrelated} | planted | ${plantedSeed} | something for decontamination to find | \`${sha('contamination.jsonl')}\` |

Columns: \`id\` (hash of the text), \`problem\`, \`answer\` (a whole number, 1 to 199), \`family\`.

**Families**: \`running\` (an amount that goes up and down two or three times), \`comparison\` (more or fewer than another),
\`groups\` (boxes of so many, and more, less some), \`change\` (prices, and what comes back). Three in ten carry a number that
does not matter (somebody's age).

**Splits** follow from a hash of family, operations and numbers: no combination is in two splits, whatever the names.
train 80 %, development 10 %, held-out 10 %. The models in datasets/models saw only the train split.

**Worked answers** end in \`#### answer\`. A sum or difference with a number of two digits is written in one of two ways, named by
the first word of the step: \` directly 84-38=46;\` or \` stepwise 84-30=54-8=46;\`. Other steps begin with \` get\`.

**contamination.jsonl is planted**: of its ${verbatim + reworded + unrelated} items ${verbatim} are problems of problems.jsonl word for word, ${reworded} are such problems with another
opening, case and punctuation, ${unrelated} are unrelated; column \`planted\` says which. It is no benchmark; it exists so that the
quickstart's decontamination has something to remove.
`
}
