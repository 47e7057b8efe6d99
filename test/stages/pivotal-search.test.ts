import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { searchPivots, splitPoint } from '../../src/stages/pivotal/search/published.ts'
import { share } from '../../src/statistics/estimate.ts'
import { rngFor } from '../../src/statistics/random.ts'
import { binomial, makeWorld, score, type World } from './toy-world.ts'

/** The search over values that are known at every node; uniform log-probabilities unless given. */
function search(
  values: readonly number[],
  options: { gap?: number; prune?: boolean; logprobs?: readonly number[] },
) {
  const { gap = 0.2, prune = true, logprobs = values.slice(1).map(() => -1) } = options
  const estimate = (node: number): Promise<number> => Promise.resolve(values[node] as number)
  return searchPivots({ logprobs, estimate }, { gap, prune })
}

/** Tokens found, counted from 1, and distinct estimates; p before token 1 is the first value. */
async function tokensFound(values: readonly number[], gap: number): Promise<[number[], number]> {
  const found = await search([values[0] as number, ...values], { gap })
  return [found.pivots.map((position) => position + 1), found.nodesEstimated]
}

test('the log-probability midpoint of the golden sequence is after token 3', () => {
  assert.equal(splitPoint([-0.01, -0.02, -2.3, -0.05, -0.01, -1.2, -0.3, -0.01], 0, 8), 3)
})

test('a split is inside its segment whatever the log-probabilities', () => {
  const logprob = fc.oneof(
    fc.constant(0),
    fc.constant(-Infinity),
    fc.double({ min: -30, max: 0, noNaN: true }),
  )
  fc.assert(
    fc.property(fc.array(logprob, { minLength: 2, maxLength: 40 }), (logprobs) => {
      const cut = splitPoint(logprobs, 0, logprobs.length)
      assert.ok(cut >= 1 && cut < logprobs.length)
    }),
  )
})

const first = [
  0.45, 0.46, 0.47, 0.46, 0.48, 0.72, 0.71, 0.73, 0.72, 0.71, 0.7, 0.71, 0.69, 0.85, 0.84, 0.85, 0.86, 0.85,
  0.86, 0.86,
]
const second = [0.5, 0.5, 0.78, 0.79, 0.78, 0.8, 0.8, 0.81, 0.82, 0.82, 0.93, 0.94, 0.94, 0.94]

test('the worked sequences: token 6 with 6 estimates, also at gap .15; tokens 3, and 3 and 11', async () => {
  assert.deepEqual(await tokensFound(first, 0.2), [[6], 6])
  assert.deepEqual((await tokensFound(first, 0.15))[0], [6])
  assert.deepEqual((await tokensFound(second, 0.2))[0], [3])
  assert.deepEqual((await tokensFound(second, 0.1))[0], [3, 11])
})

test('changes that cancel inside a segment are missed, as published', async () => {
  assert.deepEqual((await search([0.3, 0.3, 0.9, 0.3, 0.3], {})).pivots, [])
})

test('a change of exactly the gap counts, also where rounding hides it', async () => {
  assert.deepEqual((await search([0.5, 0.7], {})).pivots, [0])
  assert.deepEqual((await search([0.3, 0.1], {})).pivots, [0])
})

test('with exact values, everything found is a pivot; all are found where p is monotone', async () => {
  const steps = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (drawn, sorted) => {
      const values = sorted ? [...drawn].sort((a, b) => a - b) : drawn
      const truth = values.flatMap((p, i) =>
        i > 0 && Math.abs(p - (values[i - 1] as number)) >= 0.2 ? [i + 1] : [],
      )
      const [found] = await tokensFound(values, 0.2)
      for (const token of found) assert.ok(truth.includes(token))
      if (sorted) assert.deepEqual(found, truth)
    }),
  )
})

test('an empty trace and a trace of one token', async () => {
  assert.deepEqual((await search([0.5], {})).pivots, [])
  assert.deepEqual((await search([0, 1], {})).pivots, [0])
})

test('pruning loses no pivot that the published search finds, and never asks for more estimates', async () => {
  let saved = 0
  for (let i = 0; i < 60; i++) {
    const { values, logprobs } = makeWorld(30, 'prune', i)
    const published = await search(values, { logprobs, prune: false })
    const pruned = await search(values, { logprobs, prune: true })
    assert.deepEqual(pruned.pivots, published.pivots)
    assert.ok(pruned.nodesEstimated <= published.nodesEstimated)
    saved += published.nodesEstimated - pruned.nodesEstimated
  }
  assert.ok(saved > 0)
})

test('a trace that the sampler is sure of costs nothing', async () => {
  const estimate = (): Promise<number> => Promise.reject(new Error('no estimate is needed'))
  const found = await searchPivots({ logprobs: [-0.1, -0.05, 0], estimate }, { gap: 0.2, prune: true })
  assert.deepEqual(found, { pivots: [], nodesEstimated: 0, tokensPruned: 3 })
})

test('the result does not depend on which estimate is finished first', async () => {
  const { logprobs, values } = makeWorld(80, 'order', 3)
  const run = (delay: (node: number) => number) =>
    searchPivots(
      {
        logprobs,
        estimate: async (node) => {
          for (let turn = 0; turn < delay(node); turn++) await Promise.resolve()
          return share(binomial(values[node] as number, 64, rngFor('order', node)))
        },
      },
      { gap: 0.2, prune: false },
    )
  const straight = await run(() => 0)
  assert.ok(straight.nodesEstimated > 2)
  assert.deepEqual(await run((node) => 80 - node), straight)
  assert.deepEqual(await run((node) => (node * 37) % 23), straight)
})

test('nothing is estimated twice', async () => {
  const asked: number[] = []
  const { logprobs, values } = makeWorld(100, 'memo', 1)
  const estimate = (node: number): Promise<number> => {
    asked.push(node)
    return Promise.resolve(values[node] as number)
  }
  const { nodesEstimated } = await searchPivots({ logprobs, estimate }, { gap: 0.05, prune: false })
  assert.equal(new Set(asked).size, asked.length)
  assert.equal(nodesEstimated, asked.length)
})

test('no planted pivot: at most 2 of 200 traces show one after confirmation with 64 rollouts', async () => {
  let [unconfirmed, confirmed] = [0, 0]
  for (let i = 0; i < 200; i++) {
    const p = 0.2 + 0.6 * rngFor('null', i).next()
    const draw = (node: number, purpose: string): number =>
      share(binomial(p, 64, rngFor('null', i, node, purpose)))
    const trace = {
      logprobs: Array.from({ length: 30 }, () => -1),
      estimate: (node: number) => Promise.resolve(draw(node, 'search')),
    }
    const { pivots } = await searchPivots(trace, { gap: 0.2, prune: true })
    unconfirmed += pivots.length
    confirmed += pivots.filter((k) => Math.abs(draw(k + 1, 'confirm') - draw(k, 'confirm')) >= 0.2).length
  }
  assert.ok(unconfirmed <= 10, `${unconfirmed} unconfirmed`)
  assert.ok(confirmed <= 2, `${confirmed} after confirmation`)
})

test('toy world: precision and recall as published, and pruned with confirmation on fresh rollouts', async (t) => {
  const worlds = Array.from({ length: 100 }, (_, i) => makeWorld(300, 'toy', i))
  const published = await measure(worlds, false)
  const confirmed = await measure(worlds, true)
  t.diagnostic(`published, n=50: ${JSON.stringify(published)}`)
  t.diagnostic(`pruned, n=50, confirmed on 50: ${JSON.stringify(confirmed)}`)
  assert.ok(published.precision > 0.75 && published.recall > 0.4, JSON.stringify(published))
  assert.ok(confirmed.precision > 0.9 && confirmed.recall > 0.35, JSON.stringify(confirmed))
  assert.ok(confirmed.bias < published.bias, 'fresh rollouts must take off the winner’s curse')
})

async function measure(worlds: readonly World[], confirm: boolean): Promise<ReturnType<typeof score>> {
  const results = worlds.map(async (world, i) => {
    const draw = (node: number, purpose: string): number =>
      share(binomial(world.values[node] as number, 50, rngFor('toy', i, node, purpose)))
    const { pivots, nodesEstimated } = await searchPivots(
      { logprobs: world.logprobs, estimate: (node) => Promise.resolve(draw(node, 'search')) },
      { gap: 0.2, prune: confirm },
    )
    const purpose = confirm ? 'confirm' : 'search'
    const reported = pivots
      .map((position) => ({ position, delta: draw(position + 1, purpose) - draw(position, purpose) }))
      .filter(({ delta }) => Math.abs(delta) >= 0.2 - 1e-9)
    return { world, reported, rollouts: 50 * (nodesEstimated + (confirm ? 2 * pivots.length : 0)) }
  })
  return score(await Promise.all(results))
}
