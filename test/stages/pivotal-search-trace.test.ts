import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { SearchMode, SearchOptions, SearchResult } from '../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import type { Ask, Rollout, RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { type Random, rngFor } from '../../src/statistics/random.ts'
import { plantedSource } from './planted-source.ts'
import { cancellingWorld, nullWorld } from './planted-worlds.ts'
import { makeWorld, type World } from './toy-world.ts'
import { trialsOf } from '../../src/statistics/side.ts'

const modes: readonly SearchMode[] = ['published', 'frugal', 'thorough']
const common = { gap: 0.2, q: 0.1 }

/** A world whose success probabilities are given; every token has probability one half. */
function plain(values: readonly number[]): World {
  const logprobs = values.slice(1).map(() => Math.log(0.5))
  return {
    logprobs,
    values,
    others: logprobs.map((_, k) => 2 * (values[k] as number) - (values[k + 1] as number)),
  }
}

const run = (
  world: World,
  options: Pick<SearchOptions, 'mode'> & Partial<SearchOptions>,
  key: string | number = 0,
  canForce = true,
): Promise<SearchResult> =>
  searchTrace({ logprobs: world.logprobs, correct: null }, plantedSource(world, canForce, key), {
    ...common,
    ...options,
  })

const confirmed = ({ pivots }: SearchResult): readonly number[] =>
  pivots.filter((pivot) => pivot.confirmed).map(({ position }) => position)

/** Asks as they come, before a source answers them. */
function watched(source: RolloutSource): RolloutSource & { readonly asks: Ask[] } {
  const asks: Ask[] = []
  return {
    asks,
    canForce: source.canForce,
    draw: (ask) => {
      asks.push(ask)
      return source.draw(ask)
    },
  }
}

test('each mode finds the planted pivots of a monotone sequence and confirms no other token', async () => {
  const world = plain([0.4, 0.42, 0.41, 0.68, 0.67, 0.68, 0.69, 0.42, 0.4, 0.41])
  for (const mode of modes) {
    for (const canForce of [true, false]) {
      const result = await run(world, { mode, rollouts: 200, confirmRollouts: 400 }, 'worked', canForce)
      const found = confirmed(result)
      assert.ok(
        found.every((position) => position === 2 || position === 6),
        `${mode}: ${found.join()}`,
      )
      // The two cancel between the ends, so that the published search need not see them.
      if (mode !== 'published') assert.deepEqual(found, [2, 6])
      for (const { fresh, probBefore, probAfter, eValue, confirmed: sure } of result.pivots)
        if (sure) assert.ok(Math.abs(probAfter - probBefore - fresh.delta) < 1e-12 && eValue >= 10)
    }
  }
})

test('the published mode finds what the recursion over exact estimates finds, with a launch a node', async () => {
  const world = plain([0.5, 0.5, 0.5, 0.78, 0.79, 0.78, 0.8, 0.8, 0.81, 0.82])
  const { pivots, spent } = await run(world, { mode: 'published', rollouts: 400, confirmRollouts: 0 })
  assert.deepEqual(
    pivots.map(({ position }) => position),
    [2],
  )
  assert.ok(pivots.every((pivot) => !pivot.confirmed && pivot.eValue === 1))
  assert.equal(spent.searchRollouts % 400, 0)
})

test('opposite pivots that cancel are missed by the published mode and found by the thorough one', async () => {
  let [published, thorough] = [0, 0]
  for (let i = 0; i < 6; i++) {
    const world = cancellingWorld(120, 'cancel', i)
    published += confirmed(await run(world, { mode: 'published' }, i)).length
    thorough += confirmed(await run(world, { mode: 'thorough' }, i)).length
  }
  assert.ok(published <= 2 && thorough >= 20, `${published} and ${thorough} of 24`)
})

test('no reported change exceeds 1 - mu, whatever the temperature, the truncation and the values', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom(...modes), fc.boolean(), async (seed, mode, canForce) => {
      const world = sampledWorld(rngFor('bound', seed), 25)
      const { pivots } = await run(world, { mode, confirmRollouts: 16 }, seed, canForce)
      for (const { position, fresh } of pivots) {
        const leave = -Math.expm1(world.logprobs[position] as number)
        assert.ok(Math.abs(fresh.delta) <= leave + 1e-12)
        assert.ok(fresh.low >= -leave - 1e-9 && fresh.high <= leave + 1e-9 && fresh.low <= fresh.high)
      }
    }),
    { numRuns: 60 },
  )
})

/** Tokens drawn from random logits at a random temperature and top-p; values of leaving at random, V by the mixture. */
function sampledWorld(random: Random, length: number): World {
  const [temperature, topP] = [0.3 + 1.2 * random.next(), 0.5 + 0.5 * random.next()]
  const logprobs = Array.from({ length }, () => {
    const weights = Array.from({ length: 8 }, () => Math.exp((4 * random.next()) / temperature))
    const total = weights.reduce((a, b) => a + b, 0)
    const shares = weights.map((weight) => weight / total).sort((a, b) => b - a)
    let [kept, reached] = [0, 0]
    while (reached < topP && kept < shares.length) reached += shares[kept++] as number
    return Math.log((shares[random.below(kept)] as number) / reached)
  })
  const others = logprobs.map(() => random.next())
  const values = [random.next()]
  for (let k = length - 1; k >= 0; k--) {
    const mu = Math.exp(logprobs[k] as number)
    values.unshift(mu * (values[0] as number) + (1 - mu) * (others[k] as number))
  }
  return { logprobs, values, others }
}

test('where nothing is pivotal, at most a tenth of the traces report something', async () => {
  for (const mode of ['frugal', 'thorough'] as const) {
    let reporting = 0
    for (let i = 0; i < 40; i++)
      if (confirmed(await run(nullWorld(60, 'test', i), { mode }, i)).length > 0) reporting++
    assert.ok(reporting <= 4, `${mode}: ${reporting} of 40`)
  }
})

test('fresh intervals hold the true change, wherever the test stopped', async () => {
  let [held, all] = [0, 0]
  for (let i = 0; i < 60; i++) {
    const world = makeWorld(80, 'cover', i)
    for (const { position, fresh } of (await run(world, { mode: 'thorough', confirmRollouts: 64 }, i))
      .pivots) {
      const truth = (world.values[position + 1] as number) - (world.values[position] as number)
      if (fresh.low <= truth && truth <= fresh.high) held++
      all++
    }
  }
  assert.ok(all >= 60 && held / all >= 0.95, `${held} of ${all}`)
})

test('in the toy world frugal and thorough clear their bars on few traces', async (t) => {
  for (const [mode, precision, recall, cost] of [
    ['frugal', 0.9, 0.45, 600],
    ['thorough', 0.85, 0.75, 900],
  ] as const) {
    let [right, reported, pivots, rollouts] = [0, 0, 0, 0]
    for (let i = 0; i < 60; i++) {
      const world = makeWorld(300, 'few', i)
      const isPivot = (k: number): boolean =>
        Math.abs((world.values[k + 1] as number) - (world.values[k] as number)) >= 0.2
      const result = await run(world, { mode }, i)
      const found = confirmed(result)
      right += found.filter(isPivot).length
      reported += found.length
      pivots += world.logprobs.filter((_, k) => isPivot(k)).length
      rollouts += result.spent.searchRollouts + result.spent.confirmRollouts
    }
    const shares = { precision: right / reported, recall: right / pivots, cost: rollouts / right }
    t.diagnostic(`${mode}: ${JSON.stringify(shares)}`)
    assert.ok(shares.precision >= precision && shares.recall >= recall && shares.cost <= cost, mode)
  }
})

test('the result is a function of what the source answers, whichever answer comes first', async () => {
  const world = makeWorld(120, 'order', 5)
  for (const mode of modes) {
    const source = plantedSource(world, true, 'order')
    let asked = 0
    const slow: RolloutSource = {
      canForce: true,
      draw: async (ask) => {
        const answer = await source.draw(ask)
        for (let turn = (asked++ * 37) % 23; turn > 0; turn--) await Promise.resolve()
        return answer
      },
    }
    const trace = { logprobs: world.logprobs, correct: null }
    assert.deepEqual(
      await searchTrace(trace, slow, { ...common, mode }),
      await run(world, { mode }, 'order'),
      mode,
    )
  }
})

test('a cap is kept to the rollout, marked, and spent on the likeliest candidates', async () => {
  const world = plain([0.2, 0.2, 0.2, 0.2, 0.6, 0.6, 0.6, 0.6])
  for (const mode of modes)
    for (const maxRollouts of [1, 7, 40]) {
      const source = plantedSource(world, true, 'cap')
      let launched = 0
      const counting: RolloutSource = {
        canForce: true,
        draw: (ask) => {
          launched += ask.n
          return source.draw(ask)
        },
      }
      const trace = { logprobs: world.logprobs, correct: null }
      const { spent } = await searchTrace(trace, counting, { ...common, mode, maxRollouts })
      assert.ok(launched <= maxRollouts)
      assert.equal(launched, spent.searchRollouts + spent.confirmRollouts)
      assert.equal(spent.stoppedBy, 'max rollouts', `${mode} at ${maxRollouts}`)
    }
  assert.deepEqual(confirmed(await run(world, { mode: 'frugal', maxRollouts: 220 })), [3])
  assert.equal((await run(world, { mode: 'frugal' })).spent.stoppedBy, null)
})

test('a source that closes ends the search with what is decided so far', async () => {
  const world = makeWorld(100, 'closing', 1)
  for (const mode of modes) {
    const source = plantedSource(world, true, 'closing')
    let left = 60
    const closing: RolloutSource = {
      canForce: true,
      draw: (ask) => {
        const n = Math.min(ask.n, left)
        left -= n
        return source.draw({ ...ask, n })
      },
    }
    const trace = { logprobs: world.logprobs, correct: null }
    const { spent, pivots } = await searchTrace(trace, closing, { ...common, mode })
    assert.deepEqual([spent.searchRollouts + spent.confirmRollouts, spent.stoppedBy], [60, 'closed source'])
    assert.ok(pivots.every((pivot) => !pivot.confirmed))
  }
})

test('rollouts known before count in the search and not in what is reported', async () => {
  const world = plain([0.5, 0.5, 0.5, 0.8, 0.8, 0.8])
  const earlier = plantedSource(world, true, 'earlier')
  const known: Rollout[] = []
  for (const forced of [false, true])
    for (let node = 0; node < 5; node++)
      known.push(...(await earlier.draw({ node, n: 40, forced, purpose: 'search' })))
  const trace = { logprobs: world.logprobs, correct: null }
  const source = plantedSource(world, true, 'known')
  const helped = await searchTrace({ ...trace, known }, source, { ...common, mode: 'frugal' })
  const alone = await run(world, { mode: 'frugal' }, 'known')
  assert.equal(helped.spent.searchRollouts, 0)
  assert.ok(alone.spent.searchRollouts > 0)
  assert.deepEqual(confirmed(helped), [2])
  const [pivot] = helped.pivots
  assert.ok(
    pivot !== undefined && trialsOf(pivot.after) + trialsOf(pivot.other) <= 2 * helped.spent.confirmRollouts,
  )
  const trials = (parts: readonly { readonly trials: number }[]): number =>
    parts.reduce((sum, part) => sum + part.trials, 0)
  const [other] = pivot.others
  assert.ok(other !== undefined && trials(other.search) >= 40)
  assert.equal(trials(other.fresh), trialsOf(pivot.other))
})

test('the verdict of a finished trace is its last value: nothing is launched there', async () => {
  const sure = Math.log(0.98)
  const world: World = {
    logprobs: [sure, sure, Math.log(0.5), sure],
    values: [0.55, 0.55, 0.55, 1, 1],
    others: [0.5, 0.5, 0.1, 1],
  }
  for (const mode of modes) {
    const source = watched(plantedSource(world, true, 'finished'))
    const result = await searchTrace({ logprobs: world.logprobs, correct: true }, source, { ...common, mode })
    assert.deepEqual(confirmed(result), [2], mode)
    assert.ok(source.asks.every(({ node }) => node < 4))
    assert.deepEqual([result.spent.candidates, result.spent.prunedTokens], [1, 3])
  }
  const [, , , ...unsure] = world.logprobs
  const last = { logprobs: unsure.map(() => Math.log(0.4)), values: [0.4, 1], others: [0] }
  const source = watched(plantedSource(last, true, 'last'))
  const { pivots } = await searchTrace({ logprobs: last.logprobs, correct: true }, source, {
    ...common,
    mode: 'frugal',
  })
  assert.deepEqual(
    pivots.map(({ confirmed: sureOf, probAfter }) => [sureOf, probAfter]),
    [[true, 1]],
  )
  assert.ok(source.asks.every(({ node, forced, purpose }) => node === 0 && (forced || purpose === 'search')))
})

test('units are searched whole: a sentence is pivotal where no token of it need be', async () => {
  const values = [0.4, 0.4, 0.4, 0.4, 0.5, 0.6, 0.7, 0.7, 0.7, 0.7]
  const world = plain(values)
  for (const mode of modes) {
    const source = watched(plantedSource(world, true, 'units'))
    const trace = { logprobs: world.logprobs, correct: null, units: [3, 6, 9] }
    const { pivots, spent } = await searchTrace(trace, source, { ...common, mode, rollouts: 100 })
    const found = pivots.filter((pivot) => pivot.confirmed).map(({ position, end }) => [position, end])
    assert.deepEqual(found, [[3, 6]], mode)
    assert.equal(spent.candidates, 3)
    assert.ok(source.asks.every(({ node, forced }) => !forced && node % 3 === 0))
  }
})

test('a lower bound of a log-probability prunes, and its change is scaled by how often rollouts leave', async () => {
  const world = plain([0.3, 0.3, 0.6, 0.6, 0.6])
  // Bounds of .3 where the truth is .5: 1 - mu is overstated as .7.
  const bound = world.logprobs.map(() => Math.log(0.3))
  const lowerBounds = bound.map(() => true)
  const source = watched(plantedSource(world, true, 'bound'))
  const trace = { logprobs: bound, lowerBounds, correct: null }
  const { pivots } = await searchTrace(trace, source, { ...common, mode: 'thorough' })
  const [pivot] = pivots.filter((one) => one.confirmed)
  assert.equal(pivot?.position, 1)
  assert.ok(Math.abs(pivot.fresh.delta - 0.3) < 0.12 && pivot.fresh.low <= 0.3 && pivot.fresh.high >= 0.3)
  assert.ok(source.asks.every(({ forced, purpose }) => !forced || purpose === 'search'))
  const closed = await searchTrace(
    { logprobs: bound.map(() => Math.log(0.9)), lowerBounds, correct: null },
    plantedSource(world, true, 'closed'),
    { ...common, mode: 'thorough' },
  )
  assert.deepEqual([closed.spent.candidates, closed.pivots], [0, []])
})
