import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchMode } from '../../src/stages/pivotal/search/result.ts'
import { searchTrace } from '../../src/stages/pivotal/search/search-trace.ts'
import type { Rollout, RolloutSource } from '../../src/stages/pivotal/search/source.ts'
import { plantedSource } from './planted-source.ts'

const modes: readonly SearchMode[] = ['published', 'frugal', 'thorough']
const common = { gap: 0.2, q: 0.1 }

test('a search ends although no rollout ever leaves where the log-probabilities say it should', async () => {
  const stubborn: RolloutSource = {
    canForce: false,
    draw: ({ node, n, forced }) =>
      Promise.resolve(
        Array.from({ length: n }, (_, i): Rollout => {
          const correct = i % 2 === 0
          return { node, diverged: 3, token: null, correct, tokens: 3 - node, forced }
        }),
      ),
  }
  for (const mode of modes) {
    const trace = { logprobs: [-1, -1, -1], correct: null }
    const { spent, pivots } = await searchTrace(trace, stubborn, { ...common, mode })
    assert.ok(spent.searchRollouts <= 4 * 8 * 32 + 8 && spent.confirmRollouts <= 3 * (32 * 8 + 256))
    assert.ok(pivots.every((pivot) => !pivot.confirmed && pivot.eValue === 1))
  }
})

test('a trace that the sampler is sure of, and an empty one, cost next to nothing', async () => {
  for (const mode of modes)
    for (const logprobs of [[], [-0.05, -0.01, 0]]) {
      const source = plantedSource(
        { logprobs, values: logprobs.map(() => 0.5).concat(0.5), others: [0.5, 0.5, 0.5] },
        true,
      )
      const { pivots, spent } = await searchTrace({ logprobs, correct: null }, source, { ...common, mode })
      assert.deepEqual([pivots, spent.candidates, spent.prunedTokens], [[], 0, logprobs.length])
      assert.ok(spent.searchRollouts <= 8 && spent.confirmRollouts === 0)
    }
})
