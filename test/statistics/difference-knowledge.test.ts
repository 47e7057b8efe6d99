import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { differenceEvidence, differenceSequence } from '../../src/statistics/difference-test.ts'
import { type Random, rngFor } from '../../src/statistics/random.ts'
import { boundsOf, type Side, type Trials } from '../../src/statistics/side.ts'

/** All that can happen on one side: answers with their probabilities, and the verdict of each. */
type Answers = readonly (readonly [p: number, correct: boolean])[]

const right = (answers: Answers): number => answers.reduce((sum, [p, correct]) => sum + (correct ? p : 0), 0)

/** Draws in their order, by number of the answer; those seen before the draw's round were kept from it. */
type Drawn = readonly number[]

/** A side after these draws, told of the answers after every `round` of them. What is expected of a part comes from the parts before. */
function sideOf(answers: Answers, drawn: Drawn, round: number): Side {
  if (answers.length === 1) return right(answers)
  const parts: Trials[] = []
  for (let from = 0; from <= drawn.length; from += round) {
    const { low, high } = bounds(answers, drawn.slice(0, from))
    const trials = drawn.slice(from, from + round)
    const successes = trials.filter((one) => answers[one]?.[1]).length
    const before = parts.reduce((sum, part) => sum + part.successes, 0)
    const expected = { a: 0.5 + before, b: 0.5 + from - before }
    parts.push({ successes, trials: trials.length, expected, within: { low, high } })
  }
  return parts
}

function bounds(answers: Answers, seen: Drawn) {
  const known = answers.filter((_, i) => seen.includes(i))
  const low = right(known)
  return { low, high: low + 1 - known.reduce((sum, [p]) => sum + p, 0) }
}

/** What may be drawn next, with its chance. */
function next(answers: Answers, drawn: Drawn, round: number): readonly { one: number; p: number }[] {
  if (answers.length === 1) return []
  const told = drawn.slice(0, Math.floor(drawn.length / round) * round)
  const left = answers.flatMap(([p], one) => (told.includes(one) ? [] : [{ one, p }]))
  const total = left.reduce((sum, { p }) => sum + p, 0)
  return total < 1e-9 ? [] : left.map(({ one, p }) => ({ one, p: p / total }))
}

/** The largest mean e-value that any choice of sides and any stop rule can bring about, if they see only the past. */
function bestMean(
  a: Answers,
  b: Answers,
  { most, round, draws }: { most: number; round: number; draws: number },
) {
  const found = new Map<string, number>()
  const best = (ofA: Drawn, ofB: Drawn): number => {
    const state = JSON.stringify([ofA, ofB])
    const known = found.get(state)
    if (known !== undefined) return known
    const log = differenceEvidence(sideOf(a, ofA, round), sideOf(b, ofB, round), most)
    const more = ofA.length + ofB.length < draws
    const meanAfter = (answers: Answers, drawn: Drawn, after: (drawn: Drawn) => number): number =>
      next(answers, drawn, round).reduce((sum, { one, p }) => sum + p * after([...drawn, one]), 0)
    const value = Math.max(
      Math.exp(log),
      more ? meanAfter(a, ofA, (drawn) => best(drawn, ofB)) : 0,
      more ? meanAfter(b, ofB, (drawn) => best(ofA, drawn)) : 0,
    )
    found.set(state, value)
    return value
  }
  return best([], [])
}

const sixth: Answers = [
  [0.4, true],
  [0.2, true],
  [0.3, false],
  [0.1, false],
]
const fourth: Answers = [
  [0.4, true],
  [0.35, false],
  [0.25, false],
]
const rare: Answers = [
  [0.05, true],
  [0.85, false],
  [0.1, false],
]
const tenth: Answers = [
  [0.6, false],
  [0.3, false],
  [0.1, true],
]

test('no choice of sides and no stop rule brings its mean above 1 where the hypothesis holds, all outcomes counted', () => {
  for (const [a, b, most] of [
    [sixth, fourth, 0.2],
    [fourth, sixth, 0.2],
    [sixth, fourth, 0.35],
    [fourth, fourth, 0],
    [rare, tenth, 0.05],
    [tenth, rare, 0.2],
    [sixth, rare, 0.55],
  ] as const)
    for (const round of [1, 2, 3]) {
      const mean = bestMean(a, b, { most, round, draws: round === 1 ? 7 : 5 })
      assert.ok(mean <= 1 + 1e-9, `mean ${mean} at ${right(a)}, ${right(b)}, ${most} and rounds of ${round}`)
    }
})

test('the same against a value that is known', () => {
  for (const round of [1, 2]) {
    const known: Answers = [[1, true]]
    const means = [
      bestMean(known, sixth, { most: 0.4, round, draws: 5 }),
      bestMean(fourth, [[1, false]], { most: 0.4, round, draws: 5 }),
    ]
    for (const mean of means) assert.ok(mean <= 1 + 1e-9, `mean ${mean}`)
  }
})

test('where the hypothesis does not hold, what is seen brings it far above 1', () => {
  const sure: Answers = [[0.5, true], [0.4, true], [0.1, false]] // prettier-ignore
  const mean = bestMean(sure, rare, { most: 0.1, round: 1, draws: 2 })
  assert.ok(mean > 2, `mean ${mean}`)
  assert.equal(bestMean(sure, rare, { most: 0.1, round: 1, draws: 4 }), Infinity)
})

const interval = fc
  .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([one, other]) => ({ low: Math.min(one, other), high: Math.max(one, other) }))
const bounded = fc
  .tuple(interval, fc.nat({ max: 9 }), fc.nat({ max: 9 }))
  .filter(([{ low, high }]) => high - low > 1e-3)
  .map(([within, successes, failures]): Side => [
    { successes, trials: successes + failures, expected: { a: 0.5, b: 0.5 }, within },
  ])
const anySide = fc.oneof(bounded, fc.double({ min: 0, max: 1, noNaN: true }))

test('it is infinite where the bounds exclude the hypothesis, and nowhere else', () => {
  fc.assert(
    fc.property(anySide, anySide, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, most) => {
      const [ofA, ofB] = [boundsOf(a), boundsOf(b)]
      const nearest = Math.max(0, ofA.low - ofB.high, ofB.low - ofA.high)
      // At the bounds themselves it is a matter of rounding, and of outcomes that cannot be there.
      if (Math.abs(nearest - most) < 1e-6) return
      const evidence = differenceEvidence(a, b, most)
      assert.equal(evidence === Infinity, nearest > most, `${evidence}`)
      assert.ok(evidence > -Infinity, 'never without limit below')
    }),
    { numRuns: 300 },
  )
})

test('it turns round with its sides, and tells nothing without trials', () => {
  fc.assert(
    fc.property(bounded, bounded, fc.double({ min: 0.01, max: 1, noNaN: true }), (a, b, most) => {
      const [forth, back] = [differenceEvidence(a, b, most), differenceEvidence(b, a, most)]
      assert.ok(forth === back || Math.abs(forth - back) < 1e-6, `${forth} and ${back}`)
    }),
    { numRuns: 100 },
  )
  const none = { successes: 0, trials: 0, expected: { a: 0.5, b: 0.5 } }
  assert.equal(differenceEvidence([none, { ...none, within: { low: 0.2, high: 0.4 } }], none, 0.1), 0)
})

test('the sequence holds the difference at every look in 95 % of the runs, while more and more becomes known', () => {
  let lost = 0
  const runs = 120
  for (let run = 0; run < runs; run++) {
    const random = rngFor('growing knowledge', run)
    const [a, b] = [randomAnswers(random), randomAnswers(random)]
    const truth = right(a) - right(b)
    const [ofA, ofB]: [number[], number[]] = [[], []]
    let out = false
    for (let look = 0; look < 5 && !out; look++) {
      const round = 4
      for (const [answers, drawn] of [
        [a, ofA],
        [b, ofB],
      ] as const)
        for (let i = 0; i < round; i++) {
          const one = pick(next(answers, drawn, round), random.next())
          if (one !== undefined) drawn.push(one)
        }
      const { low, high } = differenceSequence(sideOf(a, ofA, round), sideOf(b, ofB, round))
      assert.ok(low <= high, `${low} to ${high}`)
      out = truth < low - 1e-9 || truth > high + 1e-9
    }
    if (out) lost++
  }
  assert.ok(lost <= 0.05 * runs, `${lost} of ${runs}`)
})

/** A few heavy answers and many light ones. */
function randomAnswers(random: Random): Answers {
  const weights = Array.from(
    { length: 2 + random.below(20) },
    (_, i) => random.next() ** 3 + (i === 0 ? 1 : 0),
  )
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const share = random.next()
  return weights.map((weight) => [weight / total, random.next() < share])
}

function pick(left: ReturnType<typeof next>, uniform: number): number | undefined {
  let rest = uniform
  for (const { one, p } of left) {
    rest -= p
    if (rest < 0) return one
  }
  return left.at(-1)?.one
}
