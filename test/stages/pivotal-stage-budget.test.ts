import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allowanceOf } from '../../src/stages/pivotal/allowance.ts'
import { rolloutBudget, shareOf } from '../../src/stages/pivotal/budget.ts'
import { findPivotalTokens } from '../../src/stages/pivotal/find-pivotal-tokens.ts'
import { lastDigit, markovModel, tokenizer } from './markov.ts'
import { pivotsOf } from './pivots-of.ts'

const options = { gap: 0.2, rollouts: 32, confirmRollouts: 32, verifier: lastDigit }
const sampler = { temperature: 1, topP: 1, topK: 0, maxTokens: 12 }

/** What searches are granted that want and use so much, and end in the order of `delays`. */
async function granted(
  cap: number,
  searches: readonly { readonly want: number; readonly use: number; readonly delay: number }[],
): Promise<number[]> {
  const allowance = allowanceOf(cap)
  return Promise.all(
    searches.map(async ({ want, use, delay }) => {
      const grant = allowance.take(want)
      const rollouts = await grant.rollouts
      for (let turn = 0; turn < delay; turn++) await new Promise((resolve) => setImmediate(resolve))
      grant.settle(Math.min(use, rollouts))
      return rollouts
    }),
  )
}

test('an allowance is never overdrawn, and who gets what does not depend on which search ends first', async () => {
  const whole = (max: number) => fc.integer({ min: 0, max })
  const search = fc.record({ want: whole(50), use: whole(50), delay: whole(3) })
  await fc.assert(
    fc.asyncProperty(whole(200), fc.array(search, { maxLength: 12 }), async (cap, searches) => {
      const got = await granted(cap, searches)
      const used = got.reduce((sum, one, i) => sum + Math.min(one, searches[i]?.use ?? 0), 0)
      assert.ok(used <= cap, `${used} of ${cap}`)
      const atOnce = searches.map((one) => ({ ...one, delay: 0 }))
      assert.deepEqual(await granted(cap, atOnce), got)
    }),
    { numRuns: 40 },
  )
})

test('what a search leaves goes to the next one; without a cap everyone gets what is wanted', async () => {
  const searches = [10, 10, 10].map((want) => ({ want, use: 4, delay: 1 }))
  assert.deepEqual(await granted(15, searches), [10, 10, 7])
  assert.deepEqual(await granted(Infinity, searches), [10, 10, 10])
})

test('a question is worth what its variance can hold: most at p = .5, never nothing', () => {
  const budget = (row: object): number => rolloutBudget(row as Record<string, unknown>, options)
  assert.equal(budget({ pass_rate: 0.5 }), 600) // 6.25 pivotal tokens of 32 + 2 x 32 rollouts
  assert.equal(budget({}), 600)
  assert.equal(budget({ pass_rate: 0.2 }), 384)
  assert.equal(budget({ gate_verdicts: [true, false, false, false, false] }), 384)
  assert.equal(budget({ pass_rate: 0 }), budget({ pass_rate: 1 }))
  assert.ok(budget({ pass_rate: 0 }) > 0)
})

test('a cap is spent whole over the shards, never beyond it, and a small one in the first of them', () => {
  const parts = (cap: number, shards: number): number[] =>
    Array.from({ length: shards }, (_, shard) => shareOf(cap, { shard, shards }, options))
  assert.deepEqual(parts(6000, 3), [2000, 2000, 2000])
  assert.deepEqual(parts(900, 4), [600, 300, 0, 0])
  assert.deepEqual(parts(48, 117), [48, ...Array<number>(116).fill(0)])
  for (const cap of [48, 599, 601, 1801, 9999])
    for (const shards of [1, 2, 7, 117])
      assert.equal(
        parts(cap, shards).reduce((a, b) => a + b),
        cap,
        `${cap} over ${shards}`,
      )
})

test('options that no search can have are refused together, before anything is drawn', () => {
  const student = markovModel()
  const wrong = { gap: -1, q: 5, rollouts: -3, maxRollouts: 30, traceRollouts: 0.5 }
  assert.throws(
    () => findPivotalTokens({ student, verifier: lastDigit, ...sampler, ...wrong }),
    /gap -1 .*q 5 .*maxRollouts 30 \(from 48: one search\).*rollouts -3 .*traceRollouts 0.5/,
  )
  for (const gap of [0, NaN, 1.01])
    assert.throws(() => findPivotalTokens({ student, verifier: lastDigit, ...sampler, gap }), /gap/)
  const named = { mode: 'bogus', unit: 'word' } as object
  assert.throws(
    () => findPivotalTokens({ student, verifier: lastDigit, ...sampler, gap: 0.2, ...named }),
    /mode bogus .*unit word/,
  )
  assert.equal(student.calls.length, 0)
})

const trace = (id: string, passRate: number, completion = 'xxAxxAx1') => ({
  id,
  problem: `xy${id}`.replace(/[^xyAB01]/g, 'x'),
  answer: '1',
  trace_id: `${id}-0`,
  completion,
  completion_ids: [...tokenizer.encode(completion), tokenizer.eos.id],
  teacher_model: 'teacher',
  pass_rate: passRate,
})

test('under a cap on the run the most uncertain questions are searched, and the rest go with their reason', async () => {
  const rows = [trace('a', 0.2), trace('b', 0.5), trace('c', 0.8), trace('d', 0.45)]
  const run = (maxRollouts: number | undefined, concurrency: number) =>
    pivotsOf(
      findPivotalTokens({ student: markovModel(), ...options, ...sampler, maxRollouts, concurrency }),
      rows,
    )
  const capped = await run(330, 1)
  const order = capped.searched.map(({ id }) => id)
  assert.ok(order.length >= 1 && order.length < 4, String(order))
  assert.deepEqual(order, ['b', 'd', 'a', 'c'].slice(0, order.length))
  assert.ok((capped.counters.student_rollouts ?? 0) <= 330, `${capped.counters.student_rollouts}`)
  const reasons = capped.dropped.filter(({ stage }) => stage === 'findPivotalTokens')
  assert.deepEqual(
    reasons.map(({ reason }) => reason),
    Array<string>(4 - order.length).fill('no rollouts left in this run'),
  )
  assert.deepEqual(await run(330, 4), capped)
  assert.equal((await run(undefined, 4)).searched.length, 4)
})
