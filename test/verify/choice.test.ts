import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choiceAnswer } from '../../src/verify/choice.ts'
import type { Verdict } from '../../src/verify/verifier.ts'

const dots = 'Which is a mammal?\nA. shark\nB. whale\nC. tuna\nD. eel'
const brackets = 'Pick. (A) 12 (B) 13 (C) 14 (D) 15'
const ten = `Pick one.\n${'ABCDEFGHIJ'
  .split('')
  .map((letter, i) => `${letter}) number ${i * 7}`)
  .join('\n')}`

const cases: readonly (readonly [problem: string, completion: string, answer: string, Verdict])[] = [
  [dots, 'The answer is B.', 'B', 'equal'],
  [dots, 'The answer is (B).', 'B', 'equal'],
  [dots, 'Answer: B) whale', 'B', 'equal'],
  [dots, 'Answer: C', 'B', 'different'],
  [dots, '\\boxed{B}', 'B', 'equal'],
  [dots, '\\boxed{\\text{(B)}}', 'B', 'equal'],
  [dots, '\\boxed{\\text{whale}}', 'B', 'equal'],
  [dots, '\\boxed{b}', 'B', 'equal'],
  [dots, 'The answer is A. Wait, the answer is B.', 'B', 'equal'],
  [dots, 'The answer is B. Wait, the answer is A.', 'B', 'different'],
  [dots, 'The answer is the whale', 'B', 'unparsed'],
  [dots, 'The answer is whale', 'whale', 'equal'],
  [dots, 'It breathes air, so it is the whale.', 'B', 'equal'],
  [dots, 'It is neither the shark nor the tuna', 'B', 'unparsed'],
  [dots, 'Sharks are fish.\nB', 'B', 'equal'],
  [dots, 'So I pick (B)', 'B', 'equal'],
  [dots, 'So it is (A) or (B)', 'B', 'unparsed'],
  [dots, 'Between (A) and B', 'B', 'unparsed'],
  [dots, 'The answer is A or B.', 'B', 'unparsed'],
  [dots, '\\boxed{A, B}', 'B', 'unparsed'],
  [dots, '\\boxed{B: shark}', 'B', 'unparsed'],
  [dots, '\\boxed{E}', 'B', 'unparsed'],
  [dots, '\\boxed{B', 'B', 'unparsed'],
  [dots, '<think>The answer is A</think>B', 'B', 'equal'],
  [dots, '<think>The answer is B', 'B', 'unparsed'],
  [dots, 'no idea', 'B', 'unparsed'],
  [dots, '', 'B', 'unparsed'],
  [dots, 'B', 'none of them', 'unparsed'],
  [brackets, 'The answer is 13.', 'B', 'equal'],
  [brackets, '#### 13', '(B)', 'equal'],
  [brackets, '\\boxed{14}', 'B', 'different'],
  [brackets, '\\boxed{16}', 'B', 'unparsed'],
  [brackets, '\\boxed{(B) 13}', 'B', 'equal'],
  ['A: yes\nB: no', 'Answer: yes', 'A', 'equal'],
  ['A: same\nB: same', 'Answer: same', 'A', 'unparsed'],
  ['Heads. A. 71 B.62 C.43 D.67 E.40', '\\boxed{62}', 'B', 'equal'],
  [ten, 'Answer: J', 'J', 'equal'],
  [ten, 'Answer: number 63', 'J', 'equal'],
  [ten, 'Answer: I', 'J', 'different'],
  ['', 'The answer is C', 'C', 'equal'],
  ['', 'The answer is C', 'D', 'different'],
]

test(`${cases.length} completions pick the option that they name, or none`, () => {
  for (const [problem, completion, answer, verdict] of cases) {
    const found = choiceAnswer.verify(completion, answer, problem)
    assert.equal(
      found.verdict,
      verdict,
      `${JSON.stringify(completion)} for ${answer}: ${JSON.stringify(found)}`,
    )
    assert.equal(found.reason === null, verdict !== 'unparsed')
  }
})

test('long and hostile problems and completions are read at once', () => {
  const started = performance.now()
  choiceAnswer.verify('B'.repeat(1_000_000), 'B', dots)
  choiceAnswer.verify('(B) '.repeat(200_000), 'B', dots)
  choiceAnswer.verify('B', 'B', '(A) (B) '.repeat(12_000))
  choiceAnswer.verify('B', 'B', 'A. '.repeat(30_000))
  assert.ok(performance.now() - started < 5000)
})
