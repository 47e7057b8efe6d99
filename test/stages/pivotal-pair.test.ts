import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stepsOf } from '../../src/stages/pivotal/nodes.ts'
import { certifyPair, type PairQuestion } from '../../src/stages/pivotal/pair.ts'
import { inPrefixOrder } from '../../src/stages/pivotal/prefix-order.ts'
import type { Bought, RolloutProcess } from '../../src/stages/pivotal/rollouts.ts'
import { Draws, type Part } from '../../src/stages/pivotal/search/draws.ts'
import { sideOf } from '../../src/stages/pivotal/search/evidence.ts'
import type { OtherToken } from '../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import type { Rollout } from '../../src/stages/pivotal/search/source.ts'
import { eBenjaminiHochberg } from '../../src/statistics/e-bh.ts'
import type { Estimate } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { probability, type Side, trialsOf } from '../../src/statistics/side.ts'
import { plantedSource } from './planted-source.ts'
import { makeWorld } from './toy-world.ts'

const [own, good, bad, end] = [1, 2, 3, 4]

/** Draws of going on with another token than the trace's own: those that selected, and fresh ones. */
const otherToken = (id: number, search: Estimate, fresh: Estimate = none): OtherToken => {
  const parts = partsOf(search)
  const value = sideOf(new Draws(parts), whole, { mean: 0.5, worth: 0 })
  return { id, search: parts, fresh: partsOf(fresh), value }
}
const none = { successes: 0, trials: 0 }
const whole = { low: 0, high: 1 }
const partsOf = (of: Estimate): readonly Part[] => (of.trials === 0 ? [] : [{ ...of, within: whole }])

/** Fresh rollouts after a given token, a share of them right; tells what was asked. */
function processOf(right: Readonly<Record<number, number>>) {
  const asked: number[] = []
  const process: Pick<RolloutProcess, 'draw'> = {
    draw: (prefix, n) => {
      const token = prefix.at(-1) as number
      asked.push(token)
      const successes = Math.round((right[token] ?? 0) * n)
      return Promise.resolve(
        Array.from({ length: n }, (_, i) => {
          const verdict = i < successes ? 'equal' : 'different'
          return { prefix, ids: [end], logprobs: null, verdict } as unknown as Bought
        }),
      )
    },
  }
  return { asked, process: process as RolloutProcess }
}

const trials = (successes: number, trials: number): Side => ({
  ...{ successes, trials },
  expected: { a: 0.5, b: 0.5 },
})

const question = (of: Partial<PairQuestion>): PairQuestion => ({
  ...{ traceIds: [own, end], position: 0, raises: false, gap: 0.2, rollouts: 64 },
  after: trials(6, 64),
  others: [otherToken(good, { successes: 7, trials: 8 })],
  leaves: null,
  eos: 99,
  maxTokens: 12,
  leave: 0.5,
  random: rngFor('pairs'),
  ...of,
})

test('a pair is certified by fresh rollouts: a difference of the gap, and disjoint intervals', async () => {
  const certified = async (of: Partial<PairQuestion>, share: number): Promise<boolean> =>
    (await certifyPair(question(of), processOf({ [good]: share }).process)) !== null
  assert.equal(await certified({}, 0.8), true)
  assert.equal(await certified({}, 0.25), false, 'less than the gap')
  // 40 of 400 against 112 of 400: the intervals are disjoint and the difference is .18.
  const many = { after: trials(40, 400), rollouts: 400 }
  assert.equal(await certified(many, 0.28), false, 'disjoint, but less than the gap')
  assert.equal(await certified(many, 0.31), true)
  const few = { after: trials(3, 10), rollouts: 10 }
  assert.equal(await certified(few, 0.6), false, 'more than the gap, but the intervals overlap')
})

test('nothing is drawn after a token that ends the answer, or after which it is cut off', async () => {
  const { asked, process } = processOf({ [good]: 0.9 })
  const cut = await certifyPair(question({ raises: true, after: trials(60, 64), maxTokens: 1 }), process)
  assert.deepEqual([cut?.chosenId, cut?.rejectedId, cut?.rejected], [own, good, 0])
  const ended = await certifyPair(question({ eos: good }), process)
  assert.deepEqual([ended?.chosenId, ended?.chosen], [good, 1])
  assert.deepEqual(asked, [])
})

test('the other token is chosen on the rollouts of the search, whatever fresh ones say', async () => {
  const others = [
    otherToken(good, { successes: 7, trials: 8 }, { successes: 0, trials: 8 }),
    otherToken(bad, { successes: 2, trials: 8 }, { successes: 8, trials: 8 }),
  ]
  const { asked, process } = processOf({ [good]: 0.9, [bad]: 0.9 })
  const pair = await certifyPair(question({ others }), process)
  assert.deepEqual(asked, [good])
  assert.deepEqual([pair?.chosenId, pair?.rejectedId], [good, own])
  // 64 wanted, 8 of which had taken it by themselves, all wrong.
  const chosen = pair?.chosen ?? 0
  assert.equal(trialsOf(chosen), 64)
  assert.equal(probability(chosen), Math.round(0.9 * 56) / 64)
})

test('each step of a trace has the rollouts that reached its end, steps too few reached are joined', () => {
  const along = (diverged: number, correct: boolean, n: number): Rollout[] =>
    Array.from({ length: n }, () => ({
      ...{ node: 0, diverged, token: 9, correct, tokens: 6, forced: false },
    }))
  // Ten leave in the first sentence, all wrong; ten in the third, nine right; the fifth token is never reached by eight.
  const rollouts = [...along(1, false, 10), ...along(4, true, 9), ...along(4, false, 1), ...along(5, true, 2)]
  const values = Array.from({ length: 7 }, (_, node) => ({ node, value: node / 10, ...whole }))
  const trace = { tokens: ['a', 'b', 'c', 'd', 'e', 'f'], ends: [2, 4, 5, 6], correct: false }
  const steps = stepsOf(rollouts, { ...trace, values })
  assert.deepEqual(steps, [
    { text: 'ab', value: 0.2, value_low: 0, value_high: 1, right: true, trials: 12 },
    { text: 'cd', value: 0.4, value_low: 0, value_high: 1, right: true, trials: 12 },
    { text: 'ef', value: 0, value_low: 0, value_high: 0, right: false, trials: 1 },
  ])
  const narrow = values.map((one) => ({ ...one, low: one.value - 0.2, high: one.value + 0.2 }))
  assert.deepEqual(
    stepsOf(rollouts, { ...trace, values: narrow }).map(({ text }) => text),
    ['ab', 'cd', 'e', 'f'],
    'what is known of an end without them counts too',
  )
})

test('asks of one round go out by the length of their prefix', async () => {
  const sent: number[] = []
  const draw = inPrefixOrder(({ node }) => {
    sent.push(node)
    return Promise.resolve([])
  })
  const ask = (node: number) => draw({ node, n: 1, forced: false, purpose: 'search' })
  await Promise.all([5, 0, 9, 2].map(ask))
  await Promise.all([3, 1].map(ask))
  assert.deepEqual(sent, [0, 2, 5, 9, 1, 3])
})

test('launches off the trace go out where they leave it, and beside those that begin alike', async () => {
  const sent: string[] = []
  const draw = inPrefixOrder(({ node, branch }) => {
    sent.push(branch === undefined ? `${node}` : `${branch.position}:${branch.tokens.join()}`)
    return Promise.resolve([])
  })
  const ask = (node: number, position: number, tokens: readonly number[]) =>
    draw({
      ...{ node, n: 1, forced: true, purpose: 'search' },
      branch: { position, tokens, banned: [], unseen: true },
    })
  const plain = draw({ node: 4, n: 1, forced: false, purpose: 'search' })
  await Promise.all([ask(0, 6, [3]), ask(0, 2, [7, 1]), ask(1, 2, [5]), ask(0, 2, [7]), plain])
  assert.deepEqual(sent, ['2:5', '2:7', '2:7,1', '4', '6:3'])
})

test('confirmed is what e-BH selects and what shows the gap on fresh rollouts, each of which refuses some', async () => {
  const [gap, q] = [0.2, 0.1]
  const refused = { evidence: 0, gap: 0 }
  for (let i = 0; i < 90; i++) {
    const world = makeWorld(200, 'confirmed', i)
    const trace = { logprobs: world.logprobs, correct: null }
    const { pivots } = await searchTrace(trace, plantedSource(world, true, i), { mode: 'thorough', gap, q })
    const selected = eBenjaminiHochberg(
      pivots.map(({ eValue }) => Math.log(eValue)),
      q,
    )
    for (const [k, { confirmed, fresh, search }] of pivots.entries()) {
      const shows = Math.abs(fresh.delta) >= gap - 1e-9 && fresh.delta * search.delta > 0
      assert.equal(confirmed, selected[k] === true && shows)
      if (shows && selected[k] !== true) refused.evidence++
      if (!shows && selected[k] === true) refused.gap++
    }
  }
  assert.ok(refused.evidence > 0 && refused.gap > 0, JSON.stringify(refused))
})
