import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { buildTextIndex, createTextScanner, type MatchRun, type TextMatches } from '../../src/text/scan.ts'
import { words } from '../../src/text/words.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** The definition: every maximal diagonal of equal words, 7 or more. */
function naive(
  texts: readonly string[],
  text: string,
): (Omit<TextMatches, 'runs'> & { runs: Omit<MatchRun, 'byteStart' | 'byteEnd'>[] }) | null {
  const mine = words(text)
  const items = texts.map(words)
  const runs = items.flatMap((item, entry) => {
    const found = []
    for (let textWord = 0; textWord < mine.length; textWord++)
      for (let entryWord = 0; entryWord < item.length; entryWord++) {
        if (textWord > 0 && entryWord > 0 && mine[textWord - 1] === item[entryWord - 1]) continue
        let n = 0
        while (
          textWord + n < mine.length &&
          entryWord + n < item.length &&
          mine[textWord + n] === item[entryWord + n]
        )
          n++
        if (n >= 7) found.push({ entry, entryWord, textWord, words: n })
      }
    return found
  })
  const same = items.flatMap((item, entry) =>
    item.length > 0 && item.length < 13 && item.join(' ') === mine.join(' ') ? [entry] : [],
  )
  return runs.length === 0 && same.length === 0 ? null : { words: mine.length, runs, same }
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
  )
  let found = 0
  await fc.assert(
    fc.asyncProperty(cases, async ([lists, before, after, pick, from, length]) => {
      const planted = (lists[pick % Math.max(1, lists.length)] ?? []).slice(from, from + length)
      const text = [...before, ...planted, ...after].join('')
      const texts = lists.map((list) => list.join(''))
      const scanner = await createTextScanner(buildTextIndex(texts), { mostOwners: Infinity })
      const matches = scanner.scan(encode(text))
      const bare = matches && {
        ...matches,
        runs: matches.runs.map(({ byteStart, byteEnd, ...run }) => {
          const cut = new TextDecoder().decode(encode(text).subarray(byteStart, byteEnd))
          assert.deepEqual(words(cut), words(text).slice(run.textWord, run.textWord + run.words))
          return run
        }),
      }
      assert.deepEqual(bare, naive(texts, text))
      found += bare === null ? 0 : 1
    }),
    { numRuns: 500 },
  )
  assert.ok(found > 100, `only ${found} of 500 cases shared anything: the property says little`)
})
