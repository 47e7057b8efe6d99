import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { mathAnswer } from '../../src/verify/math/math-answer.ts'
import type { Verdict } from '../../src/verify/verifier.ts'

interface Pair {
  readonly answer: string
  readonly reference: string
  readonly expected: Verdict
  readonly why: string
}

const pairs = readFileSync(new URL('./fixtures/math-pairs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Pair)

const verdictOf = (answer: string, reference: string, problem = ''): Verdict =>
  mathAnswer.verify(`\\boxed{${answer}}`, reference, problem).verdict

test(`${pairs.length} pairs of answers are judged as written down, whichever is the reference`, () => {
  assert.ok(pairs.length >= 400)
  for (const { answer, reference, expected, why } of pairs) {
    for (const [stated, wanted] of [
      [answer, reference],
      [reference, answer],
    ] as const) {
      const found = mathAnswer.verify(`\\boxed{${stated}}`, wanted)
      assert.equal(found.verdict, expected, `${stated} against ${wanted} (${why}): ${found.reason ?? ''}`)
      assert.equal(found.reason === null, expected !== 'unparsed')
    }
  }
})

test('the problem decides what per cent and the order of a list mean', () => {
  assert.equal(verdictOf('50\\%', '50', 'What percent of them is red?'), 'equal')
  assert.equal(verdictOf('50\\%', '0.5', 'What percent of them is red?'), 'unparsed')
  assert.equal(verdictOf('50\\%', '50', 'How many are red?'), 'unparsed')
  assert.equal(verdictOf('1, 2', '2, 1', 'Find all roots.'), 'equal')
  assert.equal(verdictOf('1, 2', '2, 1', 'List them in increasing order.'), 'unparsed')
  assert.equal(verdictOf('2^\\circ', '2', 'Give the angle in radians.'), 'unparsed')
})

test('an answer is found in prose, in a list after commas and behind the thinking', () => {
  const found = (completion: string, reference: string): Verdict =>
    mathAnswer.verify(completion, reference).verdict
  assert.equal(found('So the answer is 1, 2 and 3.', '\\{1,2,3\\}'), 'equal')
  assert.equal(found('The answer is 5, as we saw.', '5'), 'equal')
  assert.equal(found('The answer is (1, 2), which lies on the line.', '(1,2)'), 'equal')
  assert.equal(found('Answer: $x = \\frac{1}{2}$', '0.5'), 'equal')
  assert.equal(found('The answer is $\\frac{1}{2}$. We see that the answer is right.', '0.5'), 'equal')
  assert.equal(found('\\boxed{1} and then \\boxed{\\frac{\\sqrt{8}}{2}}', '\\sqrt{2}'), 'equal')
  assert.equal(found('<think>\\boxed{3}</think> #### 4', '4'), 'equal')
  assert.equal(found('<think>\\boxed{3}', '3'), 'unparsed')
  assert.equal(found('It is 5', '5'), 'unparsed')
  assert.equal(found('\\boxed{5}', 'Hence $2+3=\\boxed{5}$.'), 'equal')
})

/** Formulas of small whole numbers and letters, with the same formula written otherwise. */
const formula: fc.Arbitrary<readonly [string, string]> = fc.letrec<{ whole: readonly [string, string] }>(
  (tie) => ({
    whole: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.integer({ min: 1, max: 99 }).map((n) => [`${n}`, `\\frac{${2 * n}}{2}`] as const),
      fc.constantFrom('x', 'y').map((name) => [name, `{${name}}`] as const),
      fc
        .tuple(tie('whole'), tie('whole'))
        .map(([[a, b], [c, d]]) => [`(${a}+${c})`, `\\left(${d} + ${b}\\right)`] as const),
      fc
        .tuple(tie('whole'), tie('whole'))
        .map(([[a, b], [c, d]]) => [`(${a})(${c})`, `${d} \\cdot ${b}`] as const),
      tie('whole').map(([a, b]) => [`(${a})^2`, `{${b}} \\cdot {${b}}`] as const),
    ),
  }),
).whole

test('a formula written otherwise is equal, and with one more it is different', () => {
  fc.assert(
    fc.property(formula, ([one, other]) => {
      fc.pre(one.length < 200 && other.length < 400)
      const verdict = verdictOf(one, other)
      assert.ok(verdict === 'equal' || verdict === 'unparsed', `${one} | ${other}`)
      assert.notEqual(verdictOf(`${one}+1`, other), 'equal')
      assert.notEqual(verdictOf(`${one}+10^{-40}`, other), 'equal')
    }),
    { numRuns: 100 },
  )
})

const hostile: readonly string[] = [
  '9^{9^9}',
  '9^{9^{9^9}}',
  '100000!',
  '(((9!)!)!)!',
  `${'{'.repeat(5000)}1${'}'.repeat(5000)}`,
  `${'\\frac{1}{'.repeat(48)}1${'}'.repeat(48)}`,
  `${'\\frac1'.repeat(80)}2`,
  `${'\\sqrt{2+'.repeat(30)}2.1${'}'.repeat(30)}`,
  '('.repeat(490),
  '|'.repeat(490),
  '-'.repeat(490),
  '\\{'.repeat(240),
  `2${'^2'.repeat(200)}`,
  'x!'.repeat(200),
  'e^{e^{e^{e^9}}}',
  '\\sin(10^{400})^{1000}',
  '(1+\\frac{1}{x})^{999}(1+\\frac{1}{y})^{999}',
  '\\sqrt{2}+\\sqrt{3}+\\sqrt{5}+\\sqrt{7}+\\sqrt{11}+\\sqrt{13}+\\sqrt{17}',
  '\\sqrt[64]{3}+\\sqrt[63]{2}+\\sqrt[61]{2}',
  '\\binom{99999}{50000}',
  '1e400',
  '(1.000000001)^{1000}',
  Array.from({ length: 120 }, (_, i) => i).join(','),
  '1'.repeat(1_000_000),
  'x'.repeat(1_000_000),
  '\\boxed{'.repeat(100_000),
]

test('hostile answers are never equal to a number, and the work for them is bounded', () => {
  const started = performance.now()
  for (const text of hostile) {
    assert.notEqual(verdictOf(text, '3'), 'equal', text.slice(0, 60))
    assert.notEqual(mathAnswer.verify('#### 3', text).verdict, 'equal', text.slice(0, 60))
    mathAnswer.verify(`\\boxed{${text}}`, `${text.slice(0, 400)}+1`)
  }
  // About 10 ms each; unbounded work would take minutes.
  assert.ok(performance.now() - started < 15_000)
})

test('no text throws', () => {
  const words =
    '\\frac \\sqrt { } ( ) [ ] \\{ \\} ^ _ ! | , ; : = < \\le \\in \\cup \\pm \\circ \\pi \\infty \\sin \\log e i x y m cm dollars ' +
    'and or % $ \\$ 0 1 2 10 99999 1,234 0.5 .. / * + - \\begin{pmatrix} \\end{pmatrix} & \\\\ \\text{ even} \\overline{3} 1e300 \\binom'
  const pieces = fc.array(fc.constantFrom(' ', ...words.split(' ')), { maxLength: 25, size: 'max' })
  fc.assert(
    fc.property(pieces, pieces, (a, b) => {
      const { verdict, reason } = mathAnswer.verify(`\\boxed{${a.join('')}}`, b.join(''), a.join(' '))
      assert.equal(reason === null, verdict !== 'unparsed')
    }),
    { numRuns: 1500 },
  )
})
