/** Pairs of answers judged in a second, in this thread: `npm run bench verify`; with --python=FILE of a Python that has
 *  math-verify, against that on the same pairs. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rngFor } from '../../src/statistics/random.ts'
import { mathAnswer } from '../../src/verify/math/math-answer.ts'
import { numericAnswer, type TextVerifier } from '../../src/verify/verifier.ts'
import { type Figure, main } from './figure.ts'

interface Pair {
  readonly answer: string
  readonly reference: string
}

const rounds = 5

export function bench(): Promise<Figure[]> {
  const fixture = readFileSync(new URL('../verify/fixtures/math-pairs.jsonl', import.meta.url), 'utf8')
  // Without those that are refused for their size: a CAS would hang on them.
  const forms = fixture
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Pair & { expected: string })
    .filter(({ expected }) => expected !== 'unparsed')
  const random = rngFor('verify bench')
  const numbers = Array.from({ length: 2000 }, (_, i): Pair => {
    const value = random.below(10_000)
    return { answer: i % 2 === 0 ? `${value}.0` : `\\frac{${2 * value}}{2}`, reference: `${value + (i % 3)}` }
  })
  const [ofNumbers, ofNumeric, ofForms] = [
    speed(mathAnswer, numbers),
    speed(numericAnswer, numbers),
    speed(mathAnswer, forms),
  ]
  const figures = [
    figure('numbers, math', ofNumbers, 'numeric on the same', ofNumeric),
    figure('pairs of all forms, math', ofForms, 'math on numbers', ofNumbers),
  ]
  const python = process.argv.find((word) => word.startsWith('--python='))?.slice('--python='.length)
  const theirs = python === undefined ? null : mathVerifySpeed(python, forms)
  if (theirs === null) console.error('verify: no --python with math-verify, so nothing is compared with it')
  else figures.push(figure('pairs of all forms, math', ofForms, 'math-verify', theirs))
  return Promise.resolve(figures)
}

const figure = (name: string, value: number, baseline: string, other: number): Figure => ({
  bench: 'verify',
  case: name,
  value,
  unit: 'pairs/s',
  baseline,
  ratio: value / other,
})

/** Of the fastest round; the first warms up. */
function speed(verifier: TextVerifier, pairs: readonly Pair[]): number {
  let best = 0
  for (let round = 0; round <= rounds; round++) {
    const { user } = process.cpuUsage()
    for (const { answer, reference } of pairs) verifier.verify(`\\boxed{${answer}}`, reference)
    const seconds = (process.cpuUsage().user - user) / 1e6
    if (round > 0) best = Math.max(best, pairs.length / seconds)
  }
  return best
}

const program = `
import json, logging, sys, time
logging.disable(logging.CRITICAL)
from math_verify import parse, verify
pairs = json.load(sys.stdin)
verify(parse('$1$'), parse('$2$'))
started = time.process_time()
for pair in pairs:
    verify(parse('$' + pair['reference'] + '$'), parse('\\\\boxed{' + pair['answer'] + '}'))
print(len(pairs) / (time.process_time() - started))
`

/** Null without Python and math-verify. */
function mathVerifySpeed(python: string, pairs: readonly Pair[]): number | null {
  const run = spawnSync(python, ['-c', program], {
    input: JSON.stringify(pairs),
    encoding: 'utf8',
    timeout: 600_000,
  })
  return run.status === 0 ? Number(run.stdout) : null
}

await main(import.meta.url, bench)
