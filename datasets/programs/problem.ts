/** A problem with a solution in both languages. */
export interface Problem {
  /** The function to write; of a whole program, only its name. */
  readonly name: string
  readonly statement: string
  readonly parameters?: readonly string[]
  /** The program reads input and prints: tests are [input, output]. Else they are [arguments, value] or [arguments, what it
   *  raises by language, 'raises']. */
  readonly io?: true
  readonly tolerance?: number
  readonly tests: readonly (readonly unknown[])[]
  readonly python: string
  readonly javascript: string
  /** A text of the solution and what makes it wrong. */
  readonly slip: Readonly<Record<Language, readonly [string, string]>>
}

export type Language = 'python' | 'javascript'

/** A row of python.jsonl or javascript.jsonl. */
export interface ProgramRow {
  readonly id: string
  readonly problem: string
  /** Tests as JSON (src/verify/code/README.md). */
  readonly answer: string
  /** A right program. */
  readonly solution: string
  /** One that looks much like it and is wrong. */
  readonly wrong: string
}

export function rowOf(problem: Problem, language: Language): ProgramRow {
  const { name, statement, parameters = [], io, tolerance, tests, slip } = problem
  const title = { python: 'Python', javascript: 'JavaScript' }[language]
  const wanted = io ? `a ${title} program` : `a ${title} function \`${name}(${parameters.join(', ')})\``
  const solution = problem[language]
  const [right, slipped] = slip[language]
  if (!solution.includes(right)) throw new Error(`${name} in ${language} does not hold ${right}`)
  return {
    id: `${language}-${name.replaceAll('_', '-')}`,
    problem: `Write ${wanted}. ${statement}`,
    answer: JSON.stringify({
      language,
      ...(!io && { entry_point: name }),
      ...(tolerance !== undefined && { tolerance }),
      tests: tests.map((test) => testOf(test, io === true, language)),
    }),
    solution,
    wrong: solution.replace(right, () => slipped),
  }
}

function testOf([input, output, kind]: readonly unknown[], io: boolean, language: Language): unknown {
  if (io) return { stdin: input, stdout: output }
  if (kind === 'raises') return { args: input, raises: (output as Record<Language, string>)[language] }
  return { args: input, expected: output }
}
