import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { buildTextIndex, createTextScanner, type MatchRun, type TextMatches } from '../../src/text/scan.ts'
import { words } from '../../src/text/words.ts'
import { textMaker } from '../bench/generated-text.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

type Found = Omit<TextMatches, 'runs'> & { readonly runs: readonly Omit<MatchRun, 'byteStart' | 'byteEnd'>[] }

/** The definition: every maximal diagonal of equal words, 7 or more, one of whose 7-grams stands at one of the first
 *  `mostOwners` places of that 7-gram. */
function naive(texts: readonly string[], text: string, mostOwners: number): Found | null {
  const mine = words(text)
  const items = texts.map(words)
  const rank = (gram: string, entry: number, word: number): number =>
    items
      .flatMap((item, e) => item.map((_, w) => ({ e, w, gram: item.slice(w, w + 7).join(' ') })))
      .filter((place) => place.gram === gram)
      .findIndex(({ e, w }) => e === entry && w === word)
  const runs = items.flatMap((item, entry) => {
    const found = []
    for (let textWord = 0; textWord < mine.length; textWord++)
      for (let entryWord = 0; entryWord < item.length; entryWord++) {
        if (textWord > 0 && entryWord > 0 && mine[textWord - 1] === item[entryWord - 1]) continue
        let n = 0
        while (
          n < mine.length - textWord &&
          n < item.length - entryWord &&
          mine[textWord + n] === item[entryWord + n]
        )
          n++
        const begins = Array.from({ length: Math.max(0, n - 6) }, (_, k) => entryWord + k)
        if (
          begins.some(
            (w) => mostOwners === Infinity || rank(item.slice(w, w + 7).join(' '), entry, w) < mostOwners,
          )
        )
          found.push({ entry, entryWord, textWord, words: n })
      }
    return found
  })
  const same = items.flatMap((item, entry) =>
    item.length > 0 && item.length < 13 && item.join(' ') === mine.join(' ') ? [entry] : [],
  )
  const seen = items.some((item) =>
    item.some(
      (_, w) => w + 7 <= item.length && ` ${mine.join(' ')} `.includes(` ${item.slice(w, w + 7).join(' ')} `),
    ),
  )
  return seen || same.length > 0 ? { words: mine.length, runs, same } : null
}

// Few words: repeats inside a text and chance overlaps between texts are the rule. Some are written in two ways.
const word = fc.constantFrom('a', 'B', 'ab', 'é', '中', 'extraordinarilylong')
const gap = fc.constantFrom(' ', '\n', ', ', ' — ')
const someWords = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.array(
    fc.tuple(word, gap).map((parts) => parts.join('')),
    { maxLength, size: 'max' },
  )

test('a scan finds the maximal shared runs and the equal short entries that comparing all words finds', async () => {
  const cases = fc.tuple(
    fc.array(someWords(30), { maxLength: 6, size: 'max' }),
    someWords(20),
    someWords(20),
    fc.nat(),
    fc.nat(10),
    fc.oneof(fc.nat(12), fc.integer({ min: 13, max: 30 })),
    fc.constantFrom(1, 2, Infinity),
  )
  let found = 0
  await fc.assert(
    fc.asyncProperty(cases, async ([lists, before, after, pick, from, length, mostOwners]) => {
      const planted = (lists[pick % Math.max(1, lists.length)] ?? []).slice(from, from + length)
      const text = [...before, ...planted, ...after].join('')
      const texts = lists.map((list) => list.join(''))
      const scanner = await createTextScanner(buildTextIndex(texts), { mostOwners })
      const matches = scanner.scan(encode(text))
      const bare = matches && {
        ...matches,
        runs: matches.runs.map(({ byteStart, byteEnd, ...run }) => {
          const cut = new TextDecoder().decode(encode(text).subarray(byteStart, byteEnd))
          assert.deepEqual(words(cut), words(text).slice(run.textWord, run.textWord + run.words))
          return run
        }),
      }
      assert.deepEqual(bare, naive(texts, text, mostOwners))
      found += bare === null ? 0 : 1
    }),
    { numRuns: 500 },
  )
  assert.ok(found > 100, `only ${found} of 500 cases shared anything: the property says little`)
})

test('an index takes at most 30 bytes a 7-gram and 64 kB', (t: TestContext) => {
  const { text } = textMaker(7)
  const { bytes, grams } = buildTextIndex(Array.from({ length: 2000 }, () => text(60)))
  t.diagnostic(`${grams} 7-grams, ${(bytes.length / grams).toFixed(2)} bytes each`)
  assert.ok(bytes.length <= 30 * grams + 65_536)
})

test('a 7-gram counts once a document, whatever fields it stands in', async () => {
  const item = 'one two three four five six seven eight'
  const scanner = await createTextScanner(buildTextIndex(['zero', item, item]))
  const first = scanner.gramId(1, 0)
  assert.equal(scanner.gramId(2, 0), first)
  assert.equal(scanner.gramId(2, 2), -1)
  for (const field of [item, `so ${item} ${item}`, 'one two three four five six seven'])
    scanner.scan(encode(field))
  assert.deepEqual(
    [first, scanner.gramId(1, 1)].map((gram) => scanner.documentFrequency[gram]),
    [1, 1],
  )
  scanner.endDocument()
  scanner.scan(encode('one two three four five six seven'))
  assert.deepEqual(
    [first, scanner.gramId(1, 1)].map((gram) => scanner.documentFrequency[gram]),
    [2, 1],
  )
  assert.equal(scanner.scannedWords, 8 + 17 + 7 + 7)
})
