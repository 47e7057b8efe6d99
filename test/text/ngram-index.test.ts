import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildNgramIndex, type SharedNgrams } from '../../src/text/ngram-index.ts'

/** The definition, word for word: compares every n-gram of one text with every n-gram of the other. */
function naive(texts: readonly (readonly string[])[], text: readonly string[]): SharedNgrams[] {
  const grams = (of: readonly string[], n: number): string[] => {
    const found: string[] = []
    for (let i = 0; i <= of.length - n; i++) found.push(of.slice(i, i + n).join(' '))
    return found.filter((gram, i) => found.indexOf(gram) === i)
  }
  return texts.flatMap((item, entry) => {
    const [mine, theirs] = [grams(text, 7), grams(item, 7)]
    const shared7 = mine.filter((gram) => theirs.includes(gram)).length
    if (shared7 === 0) return []
    const ratio7 = shared7 / Math.min(mine.length, theirs.length)
    return [
      { entry, shared7, ratio7, ngrams13: grams(text, 13).filter((gram) => grams(item, 13).includes(gram)) },
    ]
  })
}

// Three words only: repeats inside a text and chance overlaps between texts are the rule.
const vocabulary = fc.constantFrom('a', 'b', 'ab')
const someWords = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.array(vocabulary, { maxLength, size: 'max' })

test('the index finds what comparing every pair of n-grams finds', () => {
  const overlapping = fc.tuple(
    fc.array(someWords(30), { maxLength: 6, size: 'max' }),
    someWords(20),
    someWords(20),
    fc.nat(),
    fc.nat(10),
    fc.oneof(fc.nat(12), fc.integer({ min: 13, max: 30 })),
  )
  let withLong = 0
  fc.assert(
    fc.property(overlapping, ([texts, before, after, pick, from, length]) => {
      const planted = texts.length === 0 ? [] : (texts[pick % texts.length] ?? []).slice(from, from + length)
      const text = [...before, ...planted, ...after]
      const wanted = naive(texts, text)
      withLong += wanted.some(({ ngrams13 }) => ngrams13.length > 0) ? 1 : 0
      assert.deepEqual(buildNgramIndex(texts).find(text), wanted)
    }),
    { numRuns: 1000 },
  )
  assert.ok(withLong > 100, `only ${withLong} of 1000 cases shared a 13-gram: the property says little`)
})

test('words are compared whole, not run together', () => {
  const index = buildNgramIndex(['ab c d e f g h'.split(' ')])
  assert.deepEqual(index.find('a bc d e f g h'.split(' ')), [])
})

test('a repeated 7-gram counts once, and its second place can still begin a 13-gram', () => {
  const item = 'a b c d e f g 1 2 3 4 5 6'.split(' ')
  const text = 'a b c d e f g x a b c d e f g 1 2 3 4 5 6'.split(' ')
  assert.deepEqual(buildNgramIndex([item]).find(text), [
    { entry: 0, shared7: 7, ratio7: 1, ngrams13: [item.join(' ')] },
  ])
})

test('texts under seven words have no 7-gram and divide nothing by zero', () => {
  const index = buildNgramIndex([['a', 'b', 'c'], []])
  assert.deepEqual(index.find(['a', 'b', 'c']), [])
  assert.deepEqual(index.find([]), [])
})
