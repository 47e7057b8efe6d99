import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { filterLanguage } from '../../src/stages/filter-language.ts'
import { filterLength } from '../../src/stages/filter-length.ts'
import { filterRolloutLength } from '../../src/stages/filter-rollout-length.ts'
import { linesOf, numbered } from '../../src/text/lines.ts'
import { prose } from '../../src/text/prose.ts'
import { codeTokens, shingleOverlap } from '../../src/text/shingle-overlap.ts'
import { runStage } from './run-stage.ts'

const reasons = async (stage: Parameters<typeof runStage>[0], rows: readonly Record<string, unknown>[]) => {
  const { kept, dropped } = await runStage(stage, rows)
  const of = new Map(dropped.map(({ row, reason }) => [row, reason]))
  assert.equal(kept.length + dropped.length, rows.length)
  return rows.map((row) => of.get(row) ?? null)
}

test('languages are told by the prose, whatever code and formulas stand around it', async () => {
  const code = '```python\ndef quadrat(zahl):\n    return zahl * zahl\n```'
  const texts = [
    `How large is the square of a number that is one less than the sum? ${code}`,
    'Wie groß ist das Quadrat einer Zahl, die um eins kleiner ist als die Summe? $x^2 + y$',
    'Quelle est la somme des deux nombres que la petite fille a écrits au tableau ce matin ?',
    `\\[ \\int_0^1 x \\, dx = \\frac{1}{2} \\] ${code}`,
    'x + 1',
  ]
  const rows = texts.map((text) => ({ text }))
  assert.deepEqual(await reasons(filterLanguage({ field: 'text', languages: ['en', 'fr'] }), rows), [
    null,
    'another language: de',
    null,
    null,
    null,
  ])
  assert.throws(
    () => filterLanguage({ field: 'text', languages: ['english'] }),
    /cannot keep the languages english/,
  )
})

test('prose is what is left without code, formulas and markup', () => {
  assert.equal(
    prose('See `f(x)` and $a+b$, \\[x\\] or \\(y\\) at https://a.b/c <b>now</b> 17.'),
    'See and , or at now .',
  )
  const start = process.cpuUsage()
  for (const sign of ['\\[', '\\(', '$', '`', '<a', '```\n']) prose(sign.repeat(100_000))
  assert.ok(process.cpuUsage(start).user < 5_000_000, 'in time that grows with the length')
})

test('lengths are counted in words, both ends included', async () => {
  const rows = ['one', 'one two', 'one, two: three!', 'a b c d'].map((text) => ({ text }))
  assert.deepEqual(await reasons(filterLength({ field: 'text', least: 2, most: 3 }), rows), [
    'too short: under 2 words',
    null,
    null,
    'too long: over 3 words',
  ])
  assert.throws(() => filterLength({ field: 'text', least: 3, most: 2 }), /3 to 2 words/)
})

test('rollouts of a problem must be of like length', async () => {
  const rollouts = (...lengths: number[]) => ({
    gate_rollout_ids: lengths.map((n) => Array.from({ length: n }, () => 1)),
  })
  const rows = [rollouts(4, 6), rollouts(2, 2), rollouts(9, 9), rollouts(4, 9), { gate_rollout_ids: null }]
  assert.deepEqual(await reasons(filterRolloutLength({ least: 3, most: 8, spread: 2 }), rows), [
    null,
    'rollouts too short: under 3 tokens on average',
    'rollouts too long: over 8 tokens on average',
    'rollouts of unlike length: longest over 2 times the shortest',
    'lengths of rollouts unknown',
  ])
})

test('lines are numbered where something stands in them, and long ones are cut into sentences', () => {
  const long = 'This sentence is long enough to count for something in a passage of one line. '.repeat(4)
  const text = `first\n\n  \n${long}\nlast`
  const spans = linesOf(text)
  assert.equal(spans.length, 6)
  assert.equal(spans.map(({ start, end }) => text.slice(start, end)).join(''), `first${long}last`)
  assert.match(numbered(text), /^1: first\n2: This .*\n[^]*\n6: last$/)
})

test('code is like itself without comments, and unlike other code', () => {
  const code = codeTokens('function f(n) { // doubles\n  return 2 * n /* so */\n}')
  assert.deepEqual(code.slice(0, 6), ['function', 'f', '(', 'n', ')', '{'])
  assert.equal(shingleOverlap(code, codeTokens('function f(n) {\n  return 2 * n }'), 4), 1)
  assert.equal(shingleOverlap(code, codeTokens('class A { static b = "x" }'), 4), 0)
  const start = process.cpuUsage()
  for (const sign of ['/*', '"\\', "'", '"']) codeTokens(sign.repeat(200_000))
  assert.ok(process.cpuUsage(start).user < 5_000_000, 'in time that grows with the length')
})

test('lines of any text lose nothing but white space', () => {
  const squeezed = (text: string): string => text.replace(/\s+/g, '')
  const texts = fc.string({ unit: fc.constantFrom('a', 'B', '.', ' ', '\n', '\r', 'é', '1'), maxLength: 600 })
  fc.assert(
    fc.property(texts, (text) => {
      const spans = linesOf(text)
      assert.equal(squeezed(spans.map(({ start, end }) => text.slice(start, end)).join('')), squeezed(text))
      assert.ok(spans.every(({ start }, i) => i === 0 || start >= (spans[i - 1]?.end ?? 0)))
    }),
    { numRuns: 200 },
  )
})
