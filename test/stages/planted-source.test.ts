import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchMode, SearchResult } from '../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import type { Ask } from '../../src/stages/pivotal/search/source.ts'
import { type PlantedOptions, sourceOf, wrongLonger } from './planted-source.ts'
import { decidedWorld, finishedWorld } from './planted-worlds.ts'
import { makeWorld, type World } from './toy-world.ts'

const modes: readonly SearchMode[] = ['published', 'frugal', 'thorough']

async function search(world: World, mode: SearchMode, can: PlantedOptions, key: number) {
  const asks: Ask[] = []
  const source = sourceOf(world, can, 'source', key)
  const { logprobs, correct = null } = world
  const result = await searchTrace(
    { logprobs, correct },
    {
      ...source,
      draw: (ask) => {
        asks.push(ask)
        return source.draw(ask)
      },
    },
    { mode, gap: 0.2, q: 0.1, key: [key] },
  )
  return { result, asks }
}

test('wrong answers are 2.25 times as long as right ones from where they leave the trace', async () => {
  const world = makeWorld(200, 'lengths', 1)
  const rollouts = await sourceOf(world, { canForce: true }, 'lengths').draw({
    ...{ node: 20, n: 4000, forced: true, purpose: 'search' },
  })
  const mean = (correct: boolean): number => {
    const lengths = rollouts.filter((one) => one.correct === correct).map(({ tokens }) => tokens)
    return lengths.reduce((sum, tokens) => sum + tokens, 0) / lengths.length
  }
  assert.ok(
    Math.abs(mean(true) / 181 - 1) < 0.06 && Math.abs(mean(false) / mean(true) / wrongLonger - 1) < 0.08,
  )
})

test('no decision sees lengths: whatever wrong answers take, a search asks for the same and finds the same', async () => {
  const priced = ({ spent, batches, ...found }: SearchResult) => ({
    tokens: spent.tokens,
    found: {
      ...{ ...found, spent: { ...spent, tokens: 0 } },
      batches: batches.map((batch) => batch.map((rollout) => ({ ...rollout, tokens: 0 }))),
    },
  })
  for (const mode of modes)
    for (const [i, world] of [makeWorld(120, 'lengths', 2), finishedWorld(120, 'lengths', 3)].entries()) {
      const can = { canForce: true, canBranch: true }
      const [same, longer] = [
        await search(world, mode, { ...can, wrongLonger: 1 }, i),
        await search(world, mode, { ...can, wrongLonger: 5 }, i),
      ]
      const [a, b] = [priced(same.result), priced(longer.result)]
      assert.deepEqual(b.found, a.found, mode)
      assert.deepEqual(longer.asks, same.asks, mode)
      assert.ok(b.tokens > 1.2 * a.tokens, `${mode}: ${b.tokens} tokens for ${a.tokens}`)
    }
})

test('of finished traces a source that launches anywhere saves rollouts, and what it finds is as true', async () => {
  for (const mode of ['frugal', 'thorough'] as const) {
    const spent = { forced: 0, anywhere: 0 }
    let [right, reported, pivots] = [0, 0, 0]
    for (let i = 0; i < 40; i++) {
      const world = decidedWorld(80, 'anywhere', i)
      const forced = await search(world, mode, { canForce: true }, i)
      const { result, asks } = await search(world, mode, { canForce: true, canBranch: true }, i)
      spent.forced += forced.result.spent.searchRollouts + forced.result.spent.confirmRollouts
      spent.anywhere += result.spent.searchRollouts + result.spent.confirmRollouts
      assert.ok(asks.every(({ branch }) => branch === undefined || branch.tokens.length === 0))
      const isPivot = (k: number): boolean =>
        Math.abs((world.values[k + 1] as number) - (world.values[k] as number)) >= 0.2 - 1e-9
      const found = result.pivots.filter(({ confirmed }) => confirmed)
      right += found.filter(({ position }) => isPivot(position)).length
      reported += found.length
      pivots += world.logprobs.filter((_, k) => isPivot(k)).length
    }
    assert.ok(spent.anywhere < spent.forced, `${mode}: ${spent.anywhere} for ${spent.forced}`)
    assert.ok(
      right >= 0.95 * reported && right >= 0.7 * pivots,
      `${mode}: ${right} of ${reported}, of ${pivots}`,
    )
  }
})

test('V of a finished trace is the mixture of both ways at every token, up to its verdict', () => {
  for (let seed = 0; seed < 50; seed++) {
    const { values, others, logprobs, correct } = finishedWorld(60, 'mixture', seed)
    for (const [k, logprob] of logprobs.entries()) {
      const mu = Math.exp(logprob)
      const mixed = mu * (values[k + 1] as number) + (1 - mu) * (others[k] as number)
      assert.ok(Math.abs(mixed - (values[k] as number)) < 1e-9)
    }
    assert.equal(values.at(-1), correct === true ? 1 : 0)
  }
})
