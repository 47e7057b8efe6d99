import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Leaves } from '../../src/stages/pivotal/search/leaves.ts'
import type { Rollout } from '../../src/stages/pivotal/search/source.ts'

const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`)

/** Three trace tokens of one half each; what else comes first ends at once or goes on. */
const half = Math.log(0.5)
const halves = (): Leaves => new Leaves([half, half, half])

function answer(
  ids: readonly number[],
  logprobs: readonly number[] | null,
  of: Partial<Rollout> = {},
): Rollout {
  const { diverged = 0 } = of
  const common = {
    node: 0,
    diverged,
    token: ids[0] ?? null,
    correct: true,
    tokens: ids.length,
    forced: false,
  }
  return { ...common, drawn: { ids, logprobs }, ...of }
}

test('hand-worked: answers that leave at a token, drawn with tokens forbidden, weigh what they weigh unforbidden', () => {
  const leaves = halves()
  // Leaves at once by token 7, which has .2 of the .5 that leaves: .4 where the trace's is forbidden.
  leaves.add(answer([7, 0], [Math.log(0.4), 0], { forced: true }))
  near(leaves.known(0, 1).all, 0.4)
  // Then 8 with .1: a third of the .3 that are left without 7.
  const branch = { position: 0, tokens: [], banned: [7], unseen: true }
  leaves.add(answer([8, 0], [Math.log(1 / 3), 0], { forced: true, branch, correct: false }))
  near(leaves.known(0, 1).all, 0.6)
  near(leaves.known(0, 1).right, 0.4)
  // And an answer that follows the trace for two tokens: .5 .5 (.5 by other tokens) there, all of it by 9.
  leaves.add(answer([1, 1, 9], [half, half, half], { diverged: 2 }))
  const [root] = leaves.knownFrom(false)
  near(root?.all ?? 0, 0.3 + 0.125 + 0.125)
  near(root?.right ?? 0, 0.2 + 0.125)
})

test('an answer without log-probabilities, or one too unlikely to matter, is not known afterwards', () => {
  const leaves = halves()
  leaves.add(answer([7, 0], null))
  leaves.add(answer([8, 0], [Math.log(0.01), Math.log(0.009)]))
  leaves.add({ ...answer([9, 0], [half, half]), drawn: undefined } as unknown as Rollout)
  assert.deepEqual(leaves.known(0, 3), { all: 0, right: 0 })
  assert.deepEqual(leaves.pick(0, 1, true, 0.5), { position: 0, tokens: [], banned: [], unseen: true })
  leaves.add(answer([8, 0], [Math.log(0.01), Math.log(0.011)]))
  near(leaves.known(0, 1).all, 0.00022)
})

test('a rollout that follows the trace to its end, or is cut off on it, adds nothing to what leaves it', () => {
  const leaves = halves()
  leaves.add(answer([1, 1, 1], [half, half, half], { diverged: 3, token: null }))
  leaves.add(answer([1, 1], [half, half], { diverged: 2, token: -1, correct: false }))
  assert.deepEqual(leaves.known(0, 3), { all: 0, right: 0 })
  assert.deepEqual(leaves.knownFrom(true)[0], { all: 0.125, right: 0.125 })
})

test('an answer cut off at the token limit is one like any other, and wrong', () => {
  const leaves = halves()
  leaves.add(answer([7, 7, 7], [half, half, 0], { correct: false }))
  near(leaves.known(0, 1).all, 0.5)
  assert.equal(leaves.known(0, 1).right, 0)
})

test('where all but rounding is known, a launch forbids no more than leaves an answer', () => {
  const leaves = new Leaves([half])
  const third = Math.log(1 / 3)
  for (const id of [7, 8, 9]) leaves.add(answer([id], [third], { forced: true, correct: id === 7 }))
  for (let i = 0; i <= 64; i++) {
    const { tokens, banned } = leaves.pick(0, 1, true, i === 64 ? 1 - 2 ** -53 : i / 64)
    assert.deepEqual([tokens, banned], [[], []])
  }
})
