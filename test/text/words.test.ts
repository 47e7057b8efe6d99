import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ngrams } from '../fixtures/ngrams.ts'
import { normalise, words } from '../../src/text/words.ts'

const examples: readonly (readonly [string, string, string])[] = [
  [
    'lower-cases and turns every run of other signs into one space',
    'It  is —1.8 kg,\n(OK)!',
    'it is 1 8 kg ok',
  ],
  ['keeps numbers', 'A12 3/4 = 0.75', 'a12 3 4 0 75'],
  ['takes line breaks and tabs for space', 'a\r\nb\tc', 'a b c'],
  ['parts at an underscore', 'snake_case', 'snake case'],
  ['keeps letters of other scripts', 'Привет, МИР', 'привет мир'],
  ['folds sharp s', 'STRASSE straße', 'strasse strasse'],
  ['folds both small sigmas', 'ΟΔΟΣ οδος οδοσ', 'οδοσ οδοσ οδοσ'],
  ['makes full-width letters and ligatures plain', 'ＡＢＣ １２ ﬁne', 'abc 12 fine'],
  ['makes composed and decomposed accents equal', 'cafe\u0301 café', 'café café'],
  ['gives each Chinese character a word', '小明有3个苹果。', '小 明 有 3 个 苹 果'],
  ['gives each Japanese character a word', 'リンゴは', 'リ ン ゴ は'],
  ['reads Korean by words', '사과는 모두', '사과는 모두'],
  ['parts Chinese from Latin', 'GPT模型v2', 'gpt 模 型 v2'],
  ['keeps vowel signs in their words', 'हिन्दी भाषा', 'हिन्दी भाषा'],
  ['drops soft hyphens and joiners', 'oars\u00admen oars\u200dmen', 'oarsmen oarsmen'],
  ['parts at a zero-width space', 'a\u200bb', 'a b'],
  ['reads digits of other scripts as letters that stay', '٣٤', '٣٤'],
  ['has no word for a picture', '❤️ 👍🏽', ''],
]

for (const [claim, text, wanted] of examples) {
  test(`normalise ${claim}`, () => assert.equal(normalise(text), wanted))
}

test('normalising twice changes nothing', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
      assert.equal(normalise(normalise(text)), normalise(text))
    }),
    { numRuns: 2000 },
  )
})

test('case, spacing and punctuation of ASCII make no difference', () => {
  const word = fc.string({ unit: fc.constantFrom('a', 'b', 'z', '0', '1', '9'), minLength: 1, maxLength: 5 })
  const gap = fc.string({
    unit: fc.constantFrom(' ', '\n', '.', ',', '-', '$', '_'),
    minLength: 1,
    maxLength: 3,
  })
  fc.assert(
    fc.property(fc.array(fc.tuple(word, gap)), (parts) => {
      const text = parts.map(([one, space]) => space + one.toUpperCase()).join('')
      assert.deepEqual(
        words(text),
        parts.map(([one]) => one),
      )
    }),
  )
})

test('a text of w words has w - n + 1 n-grams, and none when it is shorter', () => {
  const seven = 'a b c d e f g'.split(' ')
  assert.deepEqual(ngrams(seven, 7), ['a b c d e f g'])
  assert.deepEqual(ngrams([...seven, 'h'], 7), ['a b c d e f g', 'b c d e f g h'])
  assert.deepEqual(ngrams(seven, 8), [])
  assert.deepEqual(ngrams([], 7), [])
})
