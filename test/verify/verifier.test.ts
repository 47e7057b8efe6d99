import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { statedAnswer } from '../../src/verify/extract.ts'
import { parseQuantity } from '../../src/verify/rational.ts'
import { exactAnswer, numericAnswer, type Verdict } from '../../src/verify/verifier.ts'

const same: readonly (readonly [string, string])[] = [
  ['18', '18'],
  ['018', '18'],
  ['18.', '18'],
  ['18.0', '18'],
  ['18.50', '18.5'],
  ['.5', '0.5'],
  ['5.', '5'],
  ['-7', '-7'],
  ['−7', '-7'],
  ['+7', '7'],
  ['- 7', '-7'],
  ['-0', '0'],
  ['1,234', '1234'],
  ['1,234,567.25', '1234567.25'],
  ['10{,}000', '10000'],
  ['10\\,000', '10000'],
  ['$18', '18'],
  ['\\$18.00', '18'],
  ['-$5', '-5'],
  ['$-5$', '-5'],
  ['€1,000', '1000'],
  ['50%', '50'],
  ['50\\%', '50%'],
  ['12.5 percent', '12.5'],
  ['3/4', '0.75'],
  ['-3/4', '-.75'],
  ['6 / 8', '3/4'],
  ['0.5/2', '1/4'],
  ['1 1/2', '1.5'],
  ['-1 1/2', '-1.5'],
  ['\\frac{3}{4}', '.75'],
  ['\\dfrac{3}{4}', '3/4'],
  ['\\tfrac12', '0.5'],
  ['-\\frac{3}{4}', '-3/4'],
  ['\\frac{-3}{4}', '-3/4'],
  ['\\frac{-3}{-4}', '3/4'],
  ['2\\frac{1}{2}', '2.5'],
  ['-2 \\frac{1}{2}', '-5/2'],
  ['1/3', '2/6'],
  ['1e3', '1000'],
  ['1.5e-3', '0.0015'],
  ['3 \\times 10^{5}', '300000'],
  ['3\\cdot10^5', '300000'],
  ['10^{6}', '1,000,000'],
  ['10^6', '1000000'],
  ['x = 5', '5'],
  ['x=-5', '-5'],
  ['\\(42\\)', '42'],
  ['$42$', '42'],
  ['**42**', '42'],
  ['18 dollars', '18'],
  ['18 dollars per day', '18'],
  ['18\\text{ dollars}', '18'],
  ['5\\,\\mathrm{cm}', '5'],
  ['5 cm^2', '5'],
  ['12cm', '12'],
  ['30^\\circ', '30'],
  ['30^{\\circ}', '30 degrees'],
  ['60 miles/hour', '60'],
  ['18 apples', '18 apple'],
  ['0.1', '1/10'],
  ['0.30000000000000000000000000000000000000000001', '.30000000000000000000000000000000000000000001'],
]

const other: readonly (readonly [string, string])[] = [
  ['18', '81'],
  ['18', '-18'],
  ['18', '18.01'],
  ['1,234', '1.234'],
  ['50%', '0.5'],
  ['0.3333', '1/3'],
  ['1 1/2', '11/2'],
  ['2\\frac{1}{2}', '1'],
  ['3/4', '4/3'],
  ['1e3', '100'],
  ['10^6', '106'],
  ['0.30000000000000004', '0.3'],
  ['12345678901234567891', '12345678901234567890'],
  ['\\frac12', '12'],
  ['5 dollars', '6'],
]

const unreadable: readonly (readonly [string, string])[] = [
  ['', '5'],
  ['x + 1', '5'],
  ['5x', '5'],
  ['2\\pi', '2'],
  ['2 pi', '2'],
  ['\\sqrt{2}', '2'],
  ['5\\sqrt{2}', '5'],
  ['5!', '5'],
  ['5^2', '5'],
  ['2^{10}', '2'],
  ['(1, 2)', '1'],
  ['1, 2', '1'],
  ['1,23', '123'],
  ['1,2345', '12345'],
  ['1.234,56', '1234.56'],
  ['3:4', '3'],
  ['5 or 6', '5'],
  ['5 and a half', '5'],
  ['5 million', '5'],
  ['5 dozen', '5'],
  ['three', '3'],
  ['5 - 3', '5'],
  ['5 minus two', '5'],
  ['5 hundred dollars', '5'],
  ['2 3/2', '3.5'],
  ['1/0', '1'],
  ['\\frac{1}{0}', '1'],
  ['1/2/3', '1'],
  ['--5', '5'],
  ['0.333...', '0.333'],
  ['1e999999999', '1'],
  ['10^{100000}', '1'],
  ['10^{10^{10}}', '10'],
  ['9^{9^9}', '9'],
  ['100000!', '100000'],
  [`1${'0'.repeat(400)}`, '1'],
  ['NaN', '0'],
  ['Infinity', '1'],
  ['0x10', '16'],
  ['50 cents', '50 dollars'],
  ['500 m', '0.5 km'],
]

const groups: readonly (readonly [Verdict, readonly (readonly [string, string])[]])[] = [
  ['equal', same],
  ['different', other],
  ['unparsed', unreadable],
]
for (const [verdict, pairs] of groups) {
  test(`${pairs.length} pairs of answers are ${verdict} as numbers`, () => {
    for (const [stated, reference] of pairs) {
      const found = numericAnswer.verify(`\\boxed{${stated}}`, reference)
      assert.equal(found.verdict, verdict, `${stated} against ${reference}: ${JSON.stringify(found)}`)
      assert.equal(found.reason === null, verdict !== 'unparsed')
    }
  })
}

test('a reference that is no number is said to be the trouble', () => {
  const { verdict, reason } = numericAnswer.verify('#### 5', 'five')
  assert.deepEqual([verdict, reason], ['unparsed', 'the reference answer is not a number'])
})

test('a reference may be a whole worked solution', () => {
  assert.equal(numericAnswer.verify('#### 72', 'He sold 48+24 = <<48+24=72>>72.\n#### 72').verdict, 'equal')
  assert.equal(numericAnswer.verify('\\boxed{72}', 'so $x=\\boxed{72}$.').verdict, 'equal')
})

const stated: readonly (readonly [string, string, string | null])[] = [
  ['takes the last box', '\\boxed{1} then \\boxed{2}', '2'],
  ['keeps nested braces', 'so $\\boxed{\\frac{1}{\\sqrt{2}}}$.', '\\frac{1}{\\sqrt{2}}'],
  ['keeps escaped braces', '\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
  ['reads a box without braces', '$\\boxed 5$', '5'],
  ['reads fbox', '\\fbox{7}', '7'],
  ['does not fall back behind an unclosed box', 'first \\boxed{5} then \\boxed{6', null],
  ['does not fall back behind an empty box', '\\boxed{5} \\boxed{}', null],
  ['takes the last #### line', '#### 1\nwait\n#### 2\nDone.', '2'],
  ['takes #### inside a line', '3 + 4 = 7. #### 7', '7'],
  ['reads an answer on the line after ####', '####\n7', '7'],
  ['has none when #### is the end', '4 + 3 = 7 ####', null],
  ['takes the sentence', 'Thus the answer is 3.5. Good.', '3.5'],
  ['takes the sentence up to a comma', 'The answer is 1,250, as we saw', '1,250'],
  ['goes on behind a LaTeX space', 'The answer is 11,\\! 250. So it is.', '11,\\! 250'],
  ['reads Answer with a colon and stars', '**Answer:** 12 apples', '12 apples'],
  ['reads stars around the number', 'The final answer is: **12**.', '12'],
  ['takes what is last: a box after a sentence', 'The answer is \\boxed{4}.', '4'],
  ['takes what is last: #### after a box', '\\boxed{4}\n#### 5', '5'],
  ['ignores thinking', '<think>\\boxed{1}</think> The answer is 2.', '2'],
  ['ignores thinking whose start stood in the prompt', '#### 1\n</think>\n#### 2', '2'],
  ['has none while thinking goes on', '<think> the answer is 5. #### 5', null],
  ['has none when thinking begins again', '<think>a</think> <think> #### 5', null],
  ['has none without a marker', 'It is 5', null],
  ['has none in nothing', '', null],
]
for (const [claim, completion, answer] of stated) {
  test(`extraction ${claim}`, () => {
    const found = statedAnswer(completion)
    assert.equal(found.answer, answer)
    assert.equal(found.reason === null, answer !== null)
  })
}

test('prose that merely says "the answer is" is passed over for the number before it, a box is not', () => {
  const prose = 'The answer is 5. We can check that the answer is right.'
  assert.equal(numericAnswer.verify(prose, '5').verdict, 'equal')
  assert.equal(numericAnswer.verify('The answer is 5. \\boxed{x}', '5').verdict, 'unparsed')
  assert.equal(numericAnswer.verify('The answer is 5. No, the answer is 6.', '5').verdict, 'different')
})

test('exact answers are compared character for character but for case and white space', () => {
  const verdict = (completion: string, answer: string): Verdict =>
    exactAnswer.verify(completion, answer).verdict
  assert.equal(verdict('The answer is  New  York.', 'new york'), 'equal')
  assert.equal(verdict('\\boxed{x+1}', 'x+1'), 'equal')
  assert.equal(verdict('\\boxed{1+x}', 'x+1'), 'different')
  assert.equal(verdict('#### 0.5', '.5'), 'different')
  assert.equal(verdict('no marker', 'x'), 'unparsed')
})

test('a rational written as fraction, decimal or mixed number is the same rational', () => {
  const sign = fc.constantFrom('', '-')
  fc.assert(
    fc.property(sign, fc.nat(100000), fc.nat(999), fc.nat(3), (minus, whole, part, places) => {
      const scale = 10 ** places
      const rest = part % scale
      const decimal = places === 0 ? `${whole}` : `${whole}.${String(rest).padStart(places, '0')}`
      const grouped = decimal.replace(/\B(?=(?:\d{3})+(?!\d))(?<!\.\d*)/g, ',')
      const ways = [
        decimal,
        grouped,
        `${whole * scale + rest}/${scale}`,
        `\\frac{${whole * scale + rest}}{${scale}}`,
        `${whole} ${rest}/${scale}`,
        `${whole * scale + rest}e-${places}`,
      ].filter((way) => !(places === 0 && / \d/.test(way)))
      for (const way of ways) {
        const { verdict } = numericAnswer.verify(`#### ${minus}${way}`, `${minus}${decimal}`)
        assert.equal(verdict, 'equal', `${minus}${way} is ${minus}${decimal}`)
      }
    }),
  )
})

test('no text throws, and none takes long', () => {
  const parts = fc.constantFrom(
    '\\boxed{',
    '}',
    '{',
    '\\frac',
    '####',
    '1',
    '10^',
    '9',
    ',',
    '.',
    ' ',
    '/',
    '-',
    'e',
    '\n',
    '</think>',
    'answer is ',
    '\\',
    '$',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 60, size: 'max' }), (list) => {
      numericAnswer.verify(list.join(''), '5')
      parseQuantity(list.join(''))
    }),
    { numRuns: 2000 },
  )
  const hostile = [
    '\\boxed{'.repeat(100_000),
    'answer is '.repeat(90_000),
    `answer: ${'1,'.repeat(200_000)}`,
    `#### ${'1 '.repeat(300_000)}`,
    `answer${' '.repeat(500_000)}`,
    '#### ' + '{'.repeat(500_000),
  ]
  const started = performance.now()
  for (const text of hostile) assert.equal(numericAnswer.verify(text, '5').verdict, 'unparsed')
  // Quadratic behaviour on these would take minutes; seconds leave room for a busy machine.
  assert.ok(performance.now() - started < 20_000)
})
