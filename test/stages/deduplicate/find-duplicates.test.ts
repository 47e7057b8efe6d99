import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { documentSource } from '../../../src/stages/deduplicate/documents.ts'
import { type Duplicates, findDuplicates } from '../../../src/stages/deduplicate/find-duplicates.ts'
import { checkedOptions, foundProbability } from '../../../src/stages/deduplicate/options.ts'
import { jaccard, shingleSet } from '../../../src/stages/deduplicate/shingles.ts'
import { UnionFind } from '../../../src/stages/deduplicate/union-find.ts'
import { ngrams } from '../../fixtures/ngrams.ts'
import { words } from '../../../src/text/words.ts'
import { corpusOf, plantedPairs } from './planted.ts'

type Given = Parameters<typeof checkedOptions>[0]

const find = (
  texts: readonly string[],
  options: Given = {},
  passRates: readonly (number | null)[] = [],
): Promise<Duplicates> => findDuplicates(documentSource(corpusOf(texts, passRates)), checkedOptions(options))

const staysFor = ({ representative }: Duplicates): number[] => [...representative]

test('union-find has the sets of a search over the same edges, each named by its smallest member', () => {
  const edges = fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { maxLength: 40 })
  fc.assert(
    fc.property(edges, (pairs) => {
      const sets = new UnionFind(30)
      for (const [a, b] of pairs) sets.union(a, b)
      assert.deepEqual(
        Array.from({ length: 30 }, (_, i) => sets.find(i)),
        connected(30, pairs),
      )
    }),
  )
})

function connected(size: number, edges: readonly (readonly [number, number])[]): number[] {
  const names = Array.from({ length: size }, (_, i) => i)
  for (let changed = true; changed;) {
    changed = false
    for (const [a, b] of edges) {
      const least = Math.min(names[a] as number, names[b] as number)
      if (names[a] === least && names[b] === least) continue
      names[a] = names[b] = least
      changed = true
    }
  }
  return names
}

/** Jaccard of the runs of words themselves. */
function trueJaccard(a: string, b: string, size = 5): number {
  const [x, y] = [runsOf(a, size), runsOf(b, size)]
  const shared = [...x].filter((run) => y.has(run)).length
  return x.size + y.size === 0 ? 0 : shared / (x.size + y.size - shared)
}

function runsOf(text: string, size: number): Set<string> {
  const found = words(text)
  return new Set(ngrams(found, Math.max(1, Math.min(size, found.length))))
}

test('the Jaccard of shingle sets is that of the word runs themselves', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'É', '7', '語'), { maxLength: 40 })
  fc.assert(
    fc.property(text, text, fc.integer({ min: 1, max: 6 }), (x, y, size) => {
      const [a, b] = [x.join(' '), y.join(', ')]
      assert.equal(
        jaccard(shingleSet([words(a)], size), shingleSet([words(b)], size)),
        trueJaccard(a, b, size),
      )
    }),
  )
})

/** Each document in the order of the policy goes to the first that stays and is alike enough. */
function naiveStars(texts: readonly string[], threshold: number): number[] {
  const order = texts.map((_, i) => i)
  order.sort((a, b) => Buffer.byteLength(texts[b] as string) - Buffer.byteLength(texts[a] as string) || a - b)
  const centres: number[] = []
  const stays: number[] = []
  for (const i of order) {
    const text = texts[i] as string
    const centre = centres.find((at) => {
      const other = texts[at] as string
      const wordless = words(text).length === 0
      if (wordless || words(text).length < 5) return wordless ? text === other : sameWords(text, other)
      return sameWords(text, other) || trueJaccard(text, other) >= threshold
    })
    if (centre === undefined) centres.push(i)
    stays[i] = centre ?? i
  }
  return stays
}

const sameWords = (a: string, b: string): boolean => words(a).join(' ') === words(b).join(' ')

test('with bands that find everything, clusters are those of brute force over true Jaccard', async () => {
  // 64 bands of 1 row miss a pair of Jaccard .5 once in 2^64.
  const options = { bands: 64, rows: 1, threshold: 0.5 }
  const piece = fc.constantFrom('one two three', 'four five', 'six', 'seven eight nine ten', 'Six!', '¡', '')
  const corpus = fc.array(
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(' ')),
    { maxLength: 26 },
  )
  await fc.assert(
    fc.asyncProperty(corpus, async (texts) => {
      assert.deepEqual(staysFor(await find(texts, options)), naiveStars(texts, 0.5))
    }),
  )
})

test('planted near-duplicates are found as often as theory says, at every rate of edits', async () => {
  const [count, rates] = [3000, [0.005, 0.01, 0.02, 0.03, 0.05]]
  const texts = plantedPairs(count, 120, rates, 'curve')
  const found = await find(texts, { threshold: 0 })
  for (const [i, rate] of rates.entries()) {
    let [hits, expected, variance, pairs] = [0, 0, 0, 0]
    for (let pair = i; pair < count; pair += rates.length) {
      const [a, b] = [2 * pair, 2 * pair + 1]
      const probability = foundProbability(trueJaccard(texts[a] as string, texts[b] as string), {
        bands: 14,
        rows: 8,
      })
      if (found.representative[a] === found.representative[b]) hits++
      expected += probability
      variance += probability * (1 - probability)
      pairs++
    }
    // The texts are the same in every run, so this cannot come and go.
    const off = (hits - expected) / Math.sqrt(Math.max(variance, 1))
    assert.ok(
      Math.abs(off) < 3.5,
      `${rate}: ${hits} of ${pairs} found, ${expected.toFixed(1)} expected, ${off.toFixed(1)} standard deviations`,
    )
  }
})

test('the calibration sample agrees with the curve, and every pair in it is a pair of the corpus', async () => {
  const rates = Array.from({ length: 40 }, (_, i) => i / 200)
  const { near } = await find(plantedPairs(6000, 60, rates, 'calibration'))
  const { pairs, bins } = near?.calibration ?? assert.fail('no calibration')
  assert.equal(
    bins.reduce((sum, bin) => sum + bin.pairs, 0),
    pairs,
  )
  assert.ok(pairs > 2000, `${pairs} pairs`)
  for (const { low, pairs: trials, found, merged, expected } of bins.filter((bin) => bin.pairs > 0)) {
    const sigma = Math.sqrt(Math.max(trials * expected * (1 - expected), 1))
    assert.ok(
      Math.abs(found - trials * expected) < 4 * sigma,
      `from ${low}: ${found} of ${trials}, ${expected}`,
    )
    assert.ok(low >= 0.7 ? merged === found : low + 0.05 > 0.7 || merged === 0, `merged from ${low}`)
  }
})

const sentence = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `word${from + i}`).join(' ')

test('a chain of near-duplicates loses only rows that are like the one that stays', async () => {
  // Windows of 100 words, each 10 further on: neighbours share 86 of 106 shingles (.81), the ends of three 76 of 116.
  const chain = [0, 10, 20, 30, 40].map((from) => sentence(from, from + 100))
  const sensitive = { bands: 60, rows: 4, keep: 'first' } as const
  const verified = await find(chain, { ...sensitive, threshold: 0.7 })
  assert.deepEqual(staysFor(verified), [0, 0, 2, 2, 4])
  assert.deepEqual([...verified.jaccard], [1, 86 / 106, 1, 86 / 106, 1])
  assert.deepEqual([...verified.size], [2, 0, 2, 0, 1])
  const linked = await find(chain, { ...sensitive, threshold: 0 })
  assert.deepEqual(staysFor(linked), [0, 0, 0, 0, 0])
  assert.deepEqual(linked.jaccard[4], 56 / 136)
})

test('kinds: same bytes, same words, alike; and each kind of search stops where it should', async () => {
  const long = sentence(0, 60)
  const texts = [long, long, `${long.toUpperCase()}!`, `${long} more`, sentence(100, 160), '...', '…', '...']
  const near = await find(texts, { keep: 'first' })
  assert.deepEqual(staysFor(near), [0, 0, 0, 0, 4, 5, 6, 5])
  assert.deepEqual(
    [1, 2, 3, 7].map((document) => near.kindOf(document)),
    ['exact', 'normalised', 'near', 'exact'],
  )
  assert.equal(near.near?.tooShort, 3)
  assert.deepEqual(
    staysFor(await find(texts, { kind: 'normalised', keep: 'first' })),
    [0, 0, 0, 3, 4, 5, 6, 5],
  )
  assert.deepEqual(staysFor(await find(texts, { kind: 'exact', keep: 'first' })), [0, 0, 2, 3, 4, 5, 6, 5])
})

test('policies: the longest, the best pass rate with unknown ones last, the first; of equals the first', async () => {
  const long = sentence(0, 60)
  const texts = [long, `${long} more`, `${long} much more`, `${long} much less`]
  const rates = [null, 0.5, 0, 0.5]
  const stays = async (keep: 'longest' | 'pass-rate' | 'first'): Promise<number[]> =>
    staysFor(await find(texts, { keep }, rates))
  assert.deepEqual(await stays('longest'), [2, 2, 2, 2])
  assert.deepEqual(await stays('pass-rate'), [1, 1, 1, 1])
  assert.deepEqual(await stays('first'), [0, 0, 0, 0])
  assert.deepEqual(staysFor(await find([long, long, `${long}.`])), [2, 2, 2])
  assert.deepEqual(staysFor(await find([long, long], {}, [0, 0])), [0, 0])
})

test('nothing is found in nothing, and in texts without words', async () => {
  assert.equal((await find([])).documents, 0)
  assert.deepEqual(staysFor(await find(['', '', '?'])), [0, 0, 2])
})

test('options out of range are refused with their values', () => {
  assert.throws(() => checkedOptions({ bands: 0, threshold: 2 }), {
    code: 'config',
    message: /bands 0: .*threshold 2: /,
  })
})

test('boilerplate that links very many rows that are not alike keeps its lists bounded, and the rows stay', async () => {
  // One shingle in all of them: with bands of one value, rows whose smallest hash it is meet in one list.
  const texts = Array.from(
    { length: 400 },
    (_, i) => `all rights reserved by us ${sentence(1000 * i, 1000 * i + 6)}`,
  )
  const found = await find(texts, { bands: 12, rows: 1, threshold: 0.9 })
  assert.ok((found.near?.leftOut ?? 0) > 0)
  assert.deepEqual(
    staysFor(found),
    texts.map((_, i) => i),
  )
})
