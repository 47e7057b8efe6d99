import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { indexedText, type ItemText } from '../../../src/stages/decontaminate/evidence.ts'
import { judgeText } from '../../../src/stages/decontaminate/judge.ts'
import { judgingOf } from '../../../src/stages/decontaminate/judging.ts'
import { pairsOf } from '../../../src/stages/decontaminate/pairs.ts'
import { entriesFor } from '../../../src/stages/decontaminate/phrases.ts'
import { ruleNames } from '../../../src/stages/decontaminate/rules.ts'
import { buildTextIndex, createTextScanner } from '../../../src/text/scan.ts'
import { words } from '../../../src/text/words.ts'
import { naiveRules } from './naive.ts'

const question = (itemId: string, text: string): ItemText => ({
  benchmark: 'b',
  config: '',
  split: '',
  itemId,
  field: 'question',
  text,
})

async function pairsIn(text: string, items: readonly ItemText[]) {
  const scanner = await createTextScanner(buildTextIndex(items.map((item) => item.text)))
  return pairsOf(text, scanner.scan(new TextEncoder().encode(text)), items.map(indexedText))
}

// Few words: repeats inside a text and chance overlaps between texts are the rule.
const vocabulary = fc.constantFrom('a', 'b', 'c', 'Ab', 'ß,')
const someWords = (maxLength: number): fc.Arbitrary<string[]> =>
  fc.array(vocabulary, { maxLength, size: 'max' })
const rareWords = fc.array(
  fc.nat(40).map((n) => `w${n}`),
  { maxLength: 40, size: 'max' },
)
const cut = fc.record({
  before: fc.oneof(someWords(12), rareWords, fc.constant([])),
  after: fc.oneof(someWords(12), rareWords, fc.constant([])),
  pick: fc.nat(),
  from: fc.nat(12),
  length: fc.oneof(fc.nat(12), fc.integer({ min: 7, max: 40 })),
  edit: fc.option(fc.nat(30)),
})
const cases = fc.record({
  items: fc.array(fc.oneof(someWords(30), rareWords), { minLength: 1, maxLength: 6, size: 'max' }),
  cuts: fc.array(cut, { minLength: 1, maxLength: 3 }),
  info: fc.constantFrom(0, 0.2, 0.35),
  contaminated: fc.constantFrom(0.35, 0.5, 0.8, 1),
  leastNgrams: fc.integer({ min: 1, max: 5 }),
  allow: fc.option(fc.record({ pick: fc.nat(), from: fc.nat(10), length: fc.integer({ min: 7, max: 16 }) })),
})

test('verdicts of every rule are those of its definition on texts with planted overlaps', async () => {
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(cases, async ({ items, cuts, info, contaminated, leastNgrams, allow }) => {
      const text = cuts
        .flatMap(({ before, after, pick, from, length, edit }) => {
          const planted = (items[pick % items.length] ?? []).slice(from, from + length)
          if (edit !== null && edit < planted.length) planted[edit] = 'edited'
          return [...before, ...planted, ...after]
        })
        .join(' ')
      const phrase =
        allow === null
          ? []
          : (items[allow.pick % items.length] ?? []).slice(allow.from, allow.from + allow.length)
      const allowed = phrase.length < 7 ? [] : [words(phrase.join(' ')).join(' ')]
      const pairs = await pairsIn(
        text,
        items.map((item, i) => question(String(i), item.join(' '))),
      )
      for (const rule of ruleNames) {
        // What an allowed phrase does to the rules that have no n-gram to allow is tested by hand.
        const listed = ['phi4', 'strict', 'gpt3'].includes(rule) ? allowed : []
        const thresholds = rule === 'gpt3' ? {} : { info, contaminated }
        const judging = judgingOf({ rule, ...thresholds, leastNgrams, allow: entriesFor(listed, 'test') })
        const { status } = judgeText(pairs, judging)
        const options = { info, contaminated, leastNgrams, allowed: listed }
        const wanted = naiveRules[rule](
          words(text),
          items.map((item) => words(item.join(' '))),
          options,
        )
        assert.equal(status, wanted, rule)
        seen.set(`${rule} ${status}`, (seen.get(`${rule} ${status}`) ?? 0) + 1)
      }
    }),
    { numRuns: 600, seed: 20 },
  )
  const outcomes = ruleNames.flatMap((rule) =>
    rule === 'gpt3' || rule === 'palm70'
      ? [`${rule} clean`, `${rule} contaminated`]
      : [`${rule} clean`, `${rule} partial`, `${rule} contaminated`],
  )
  for (const outcome of outcomes)
    assert.ok((seen.get(outcome) ?? 0) > 10, `${outcome}: ${seen.get(outcome) ?? 0}`)
})
