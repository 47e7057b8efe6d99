import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { measureDiversity } from '../../../src/stages/diversity/measure-diversity.ts'
import { ngramDiversity } from '../../../src/stages/diversity/ngram-diversity.ts'
import { readTexts } from '../../../src/stages/diversity/read-texts.ts'
import { templatesOf } from '../../../src/stages/diversity/templates.ts'
import { rngFor } from '../../../src/statistics/random.ts'
import { say } from '../../cli/say.ts'

const folder = await mkdtemp(join(tmpdir(), 'fulcrum-diversity-'))
after(() => rm(folder, { recursive: true, force: true }))

async function* each(texts: readonly string[]): AsyncGenerator<string> {
  await Promise.resolve()
  yield* texts
}

test('different n-grams are counted by hand', () => {
  const { distinct, self_overlap: overlap, words } = ngramDiversity(['a b a b a b', 'a b c', 'x'])
  assert.equal(words, 10)
  assert.deepEqual(
    distinct.map(({ n, ngrams, distinct: found }) => [n, ngrams, found]),
    [
      [1, 10, 4],
      [2, 7, 3],
      [3, 5, 3],
      [4, 3, 2],
    ],
  )
  assert.deepEqual(overlap, { n: 5, mean: 0, median: 0, p95: 0 })
})

test('overlap is the share of the 5-grams of a text that another text has', () => {
  const { self_overlap: overlap } = ngramDiversity(['a b c d e f', 'a b c d e g', 'u v w x y z', 'too short'])
  assert.deepEqual(overlap, { n: 5, mean: (0.5 + 0.5 + 0) / 3, median: 0.5, p95: 0.5 })
})

test('hashed n-grams are as many as n-grams', () => {
  const random = rngFor(3, 'ngrams')
  const texts = Array.from({ length: 50 }, () =>
    Array.from({ length: 40 }, () => `w${random.below(12)}`).join(' '),
  )
  for (const { n, distinct } of ngramDiversity(texts).distinct) {
    const all = new Set(
      texts.flatMap((text) => {
        const words = text.split(' ')
        return words.slice(n - 1).map((_, i) => words.slice(i, i + n).join(' '))
      }),
    )
    assert.equal(distinct, all.size, `n = ${n}`)
  }
})

test('texts with other numbers and names have one template, others have their own', () => {
  const { distinct, share, largest } = templatesOf([
    'Mia has 3 figs and buys 1,000 more.',
    'Leo has 17 figs  and buys 2 more.',
    'Then Mia has more figs.',
    'How is $x^2$ found?',
    'how is $y + 1$ found?',
  ])
  assert.equal(distinct, 3)
  assert.equal(share, 4 / 5)
  assert.deepEqual(
    largest.map(({ skeleton, texts }) => [skeleton, texts]),
    [
      ['@ has # figs and buys # more.', 2],
      ['how is $ found?', 2],
    ],
  )
})

test('planted duplicates are found, and a corpus of one text is no variety', async () => {
  const random = rngFor(4, 'texts')
  const text = () => Array.from({ length: 60 }, () => `w${random.below(5000)}`).join(' ')
  const own = Array.from({ length: 40 }, text)
  const near = `${String(own[2])} and more`
  const { spread, lengths, texts } = await measureDiversity(
    each([...own, String(own[0]), String(own[1]).toUpperCase(), near]),
    {
      most: 100,
      seed: 1,
    },
  )
  assert.deepEqual([texts, spread.duplicates], [43, { exact: 1, normalised: 1, near: 1 }])
  assert.ok(spread.minhash_distance.mean > 0.9)
  assert.deepEqual(lengths.histogram, [{ from: 32, below: 64, texts: 43 }])
  const same = await measureDiversity(each(Array.from({ length: 9 }, () => 'one and the same text again')), {
    most: 5,
    seed: 1,
  })
  assert.deepEqual(
    [same.texts, same.looked_at, same.spread.duplicate_share, same.spread.minhash_distance.mean],
    [9, 5, 0.8, 0],
  )
  await assert.rejects(measureDiversity(each([]), { most: 5, seed: 1 }), { code: 'data', message: /no text/ })
})

test('texts are found at a path, or under the first usual name', async () => {
  const path = join(folder, 'rows.jsonl')
  const rows = [
    { problem: 'p', messages: [{ content: 'a' }, { content: 'b' }], note: 1 },
    { problem: 2, messages: 'none' },
  ]
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  const read = async (...fields: string[]) => {
    const found: string[] = []
    let missing = 0
    for await (const text of readTexts([path], { fields, onMissing: () => missing++ })) found.push(text)
    return [found, missing]
  }
  assert.deepEqual(await read(), [['p'], 1])
  assert.deepEqual(await read('messages[].content', 'problem'), [['a\nb\np'], 1])
  assert.deepEqual(await read('toString'), [[], 2])
})

test('fulcrum diversity prints a table, and JSON for machines', async () => {
  const problems = 'datasets/arithmetic/problems.jsonl'
  const text = await say('diversity', problems)
  assert.match(text, /texts whose template others have +7\d\.\d %/)
  assert.match(text, /Largest templates:\n\d+ +@ buys # /)
  const json = await say('diversity', problems, '--field', 'answer', '--json')
  assert.equal((JSON.parse(json) as { texts: number }).texts, 300)
})
