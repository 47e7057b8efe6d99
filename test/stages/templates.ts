import { readFileSync } from 'node:fs'
import type { ProgramRow } from '../../datasets/programs/problem.ts'
import type { Template } from './template-policy.ts'

function template(language: 'python' | 'javascript', name: string, places: Template['places']): Template {
  const file = new URL(`../../datasets/programs/${language}.jsonl`, import.meta.url)
  const rows = readFileSync(file, 'utf8').trim().split('\n')
  const row = rows
    .map((line) => JSON.parse(line) as ProgramRow)
    .find(({ id }) => id === `${language}-${name}`)
  if (row === undefined) throw new Error(`no problem ${name} in ${language}`)
  return {
    problem: row.problem,
    answer: row.answer,
    places: [`\`\`\`${language}\n`, ...places, '\n```'],
  }
}

/** Two slips, and a base case that is seldom wrong. */
export const longestClimb = template('python', 'longest-climb', [
  'def longest_climb(heights):\n    best = run = ', [['0', 0.85], ['1', 0.15]],
  '\n    last = None\n    for height in heights:\n        run = run + 1 if last is not None and height ',
  [['>', 0.5], ['>=', 0.5]],
  ' last else ', [['1', 0.6], ['run', 0.4]],
  '\n        best = max(best, run)\n        last = height\n    return best',
]) // prettier-ignore

/** A slip beside two right ways to say the same, and a start at the wrong number. */
export const digitSteps = template('python', 'digit-steps', [
  'def digit_steps(n):\n    steps = 0\n    while n ', [['> 9', 0.45], ['>= 10', 0.45], ['> 10', 0.1]],
  ':\n        product = ', [['1', 0.5], ['0', 0.5]],
  '\n        for digit in str(n):\n            product *= int(digit)\n        n = product\n        steps += 1\n    return steps',
]) // prettier-ignore

/** A choice of how to round, of which one can be mended later. */
export const ferryTrips = template('javascript', 'ferry-trips', [
  'function ferry_trips(arrivals, places) {\n  return arrivals.reduce((sum, cars) => sum + Math.',
  [['ceil', 0.4], ['floor', 0.3], ['round', 0.3]],
  '(cars / places)',
  (written) => {
    const mended = written.includes('floor') ? 0.7 : 0.05
    return [[', 0)', 1 - mended], [' + (cars % places > 0 ? 1 : 0), 0)', mended]]
  },
  '\n}',
]) // prettier-ignore

/** Two edge cases, and names that do not matter. */
export const bracketDepth = template('javascript', 'bracket-depth', [
  'function bracket_depth(text) {\n  let depth = 0\n  let ',
  'most = 0\n  ', [['for (const sign of text)', 0.5], ['for (const sign of [...text])', 0.5]],
  ' {\n    depth += (sign === "(") - (sign === ")")\n    if (depth ', [['<', 0.5], ['<=', 0.5]],
  ' 0) return -1\n    most = Math.max(most, depth)\n  }\n  return ',
  [['depth === 0 ? most : -1', 0.6], ['most', 0.4]],
  '\n}',
]) // prettier-ignore

/** Multiple choice: a common denominator, then the letter that mostly follows from it. */
export const largestFraction: Template = {
  problem: 'Which is the largest?\nA. 3/4\nB. 5/8\nC. 7/10',
  answer: 'A',
  places: [
    'Over 40 they are 30, 25 and ', [['28', 0.6], ['32', 0.4]],
    ', so the answer is ',
    (written) => (written.includes('28') ? [['A', 0.9], ['C', 0.1]] : [['A', 0.15], ['C', 0.85]]),
  ],
} // prettier-ignore
