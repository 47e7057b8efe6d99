import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Leaves } from '../../src/stages/pivotal/search/leaves.ts'
import type { Ask, Branch, Rollout } from '../../src/stages/pivotal/search/source.ts'
import { type Random, rngFor } from '../../src/statistics/random.ts'
import {
  type Answer,
  answersFrom,
  drawOne,
  isKept,
  type LeafyWorld,
  type Place,
  placeAfter,
  searchedTrace,
  wholeOf,
  without,
} from './leafy-world.ts'

const end = 0

/** A random tree of tokens, cut off at six: what is cut off is wrong, and has no end token. */
function randomPolicy(random: Random, depth = 0): Place {
  if (depth === 6) return false
  const weights = Array.from({ length: 1 + random.below(3) }, () => 0.05 + random.next())
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const first = random.below(2)
  return weights.map((weight, i) => {
    const token = first + i
    return {
      token,
      p: weight / total,
      to: token === end ? random.next() < 0.5 : randomPolicy(random, depth + 1),
    }
  })
}

function randomWorld(random: Random): LeafyWorld {
  const policy = randomPolicy(random)
  const trace: number[] = []
  for (let place = policy; typeof place !== 'boolean';) {
    const step = place[random.below(place.length)] as (typeof place)[number]
    trace.push(step.token)
    place = step.to
  }
  return { policy, trace }
}

/** What was drawn so far, next to what the tree should know of it. */
function exploring(seed: number, launches: number) {
  const random = rngFor('leaves', seed)
  const world = randomWorld(random)
  const { logprobs, correct } = searchedTrace(world)
  const leaves = new Leaves(logprobs)
  const seen = new Map<string, Answer>()
  for (let i = 0; i < launches; i++) {
    const ask = randomAsk(leaves, logprobs, random)
    if (ask === null) continue
    const rollout = drawOne(world, ask, random)
    leaves.add(rollout)
    if (ask.branch?.unseen === true) assert.ok(!seen.has(String(wholeOf(world, rollout))), 'seen again')
    if (isKept(rollout, logprobs.length)) see(world, rollout, seen)
  }
  return { random, world, logprobs, correct, leaves, seen: [...seen.values()] }
}

const purpose = 'search'

/** Any launch the search can make: along the trace, with its token forbidden, where unseen answers leave, after a token. */
function randomAsk(leaves: Leaves, logprobs: readonly number[], random: Random): Ask | null {
  const node = random.below(logprobs.length)
  const kind = random.below(4)
  if (kind === 0) return { node, n: 1, forced: false, purpose }
  if (logprobs[node] === 0) return null
  if (kind === 1) return { node, n: 1, forced: true, purpose }
  const last = node + 1 + random.below(logprobs.length - node)
  const unseen = random.below(2) === 0
  if (leaves.known(node, last).all > 1 - 1e-6) return null
  const branch = leaves.pick(node, last, unseen, random.next())
  return { node, n: 1, forced: kind === 2, purpose, branch }
}

function see({ policy, trace }: LeafyWorld, rollout: Rollout, seen: Map<string, Answer>): void {
  const ids = wholeOf({ policy, trace }, rollout)
  const answer = answersFrom(policy).find((one) => String(one.ids) === String(ids))
  if (answer !== undefined) seen.set(String(ids), answer)
}

/** Number of trace tokens that an answer begins with. */
const along = (trace: readonly number[], ids: readonly number[]): number => {
  const at = trace.findIndex((id, i) => ids[i] !== id)
  return at < 0 ? trace.length : at
}

const near = (actual: number, expected: number, what: string): void =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${what}: ${actual} is not ${expected}`)

const masses = (answers: readonly Answer[]): { all: number; right: number } => ({
  all: answers.reduce((sum, { p }) => sum + p, 0),
  right: answers.reduce((sum, { p, correct }) => sum + (correct ? p : 0), 0),
})

const cases = fc.tuple(fc.nat(), fc.nat({ max: 40 }))

test('what is known is the summed probability of the distinct answers seen, however they were launched', () => {
  fc.assert(
    fc.property(cases, ([seed, launches]) => {
      const { world, logprobs, leaves, seen } = exploring(seed, launches)
      const { policy, trace } = world
      const all = answersFrom(policy)
      const leaving = (answers: readonly Answer[], from: number, to: number) =>
        masses(answers.filter(({ ids }) => along(trace, ids) >= from && along(trace, ids) < to))
      for (let from = 0; from < logprobs.length; from++)
        for (let to = from + 1; to <= logprobs.length; to++) {
          const known = leaves.known(from, to)
          const total = leaving(all, from, to).all
          if (total === 0) {
            assert.deepEqual(known, { all: 0, right: 0 })
            continue
          }
          near(known.all, leaving(seen, from, to).all / total, `seen leaving ${from} to ${to}`)
          near(known.right, leaving(seen, from, to).right / total, 'of them right')
        }
    }),
    { numRuns: 60 },
  )
})

test('what is known of V at a node is what the seen answers and the trace itself say of it', () => {
  fc.assert(
    fc.property(cases, ([seed, launches]) => {
      const { world, logprobs, correct, leaves, seen } = exploring(seed, launches)
      const { policy, trace } = world
      const itself = answersFrom(policy).filter(({ ids }) => along(trace, ids) === trace.length)
      for (const [node, known] of leaves.knownFrom(correct).entries()) {
        const reached = logprobs.slice(0, node).reduce((sum, one) => sum + one, 0)
        const told = masses([...itself, ...seen].filter(({ ids }) => along(trace, ids) >= node))
        near(known.all, told.all / Math.exp(reached), `seen from ${node}`)
        near(known.right, told.right / Math.exp(reached), 'of them right')
      }
      assert.equal(leaves.knownFrom(correct).length, trace.length + 1)
    }),
    { numRuns: 60 },
  )
})

test('what is known after a token of its own is its share of the answers with it', () => {
  fc.assert(
    fc.property(cases, ([seed, launches]) => {
      const { world, leaves, seen } = exploring(seed, launches)
      const { policy, trace } = world
      for (const [position, own] of trace.entries()) {
        const prefix = trace.slice(0, position)
        for (const { token, p } of placeAfter(policy, prefix) as Exclude<Place, boolean>) {
          if (token === own) continue
          const reached = masses(answersFrom(policy).filter(({ ids }) => along(trace, ids) >= position)).all
          const told = masses(
            seen.filter(({ ids }) => along(trace, ids) === position && ids[position] === token),
          )
          const known = leaves.after(position, token)
          near(known.all, told.all / reached / p, `after ${token} at ${position}`)
          near(known.right, told.right / reached / p, 'of them right')
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('an answer that comes again changes nothing', () => {
  fc.assert(
    fc.property(cases, ([seed, launches]) => {
      const { random, world, logprobs, correct, leaves } = exploring(seed, launches)
      const node = random.below(logprobs.length)
      const rollout = drawOne(world, { node, n: 1, forced: false, purpose }, random)
      leaves.add(rollout)
      const before = leaves.knownFrom(correct)
      leaves.add(rollout)
      assert.deepEqual(leaves.knownFrom(correct), before)
    }),
    { numRuns: 60 },
  )
})

/** Every place that `pick` can come to, with the share of uniforms that lead there: each is one interval of them. */
function launchesOf(pick: (uniform: number) => Branch): readonly { branch: Branch; weight: number }[] {
  const found: { branch: Branch; weight: number }[] = []
  for (let from = 0; from < 1;) {
    const branch = pick(from)
    const isSame = (uniform: number): boolean => JSON.stringify(pick(uniform)) === JSON.stringify(branch)
    let [inside, outside] = [from, 1]
    for (let step = 0; step < 52; step++) {
      const middle = (inside + outside) / 2
      if (isSame(middle)) inside = middle
      else outside = middle
    }
    found.push({ branch, weight: outside - from })
    from = outside
  }
  return found
}

/** Probability of each whole answer where the policy goes on from these launches. */
function launchedAnswers({ policy, trace }: LeafyWorld, launches: ReturnType<typeof launchesOf>) {
  const found = new Map<string, number>()
  for (const { branch, weight } of launches) {
    const { position, tokens, banned } = branch
    const prefix = [...trace.slice(0, position), ...tokens]
    const own = tokens.length === 0 ? [trace[position] as number] : []
    for (const { ids, p } of answersFrom(without(placeAfter(policy, prefix), [...own, ...banned]))) {
      const whole = String([...prefix, ...ids])
      found.set(whole, (found.get(whole) ?? 0) + weight * p)
    }
  }
  return found
}

function sameDistribution(found: ReadonlyMap<string, number>, expected: readonly Answer[]): void {
  const { all } = masses(expected)
  for (const { ids, p } of expected) near(found.get(String(ids)) ?? 0, p / all, `answer ${String(ids)}`)
  near(
    [...found.values()].reduce((sum, p) => sum + p, 0),
    1,
    'all of them',
  )
}

test('a launch and what the policy does from there is the policy given an answer not seen yet, exactly', () => {
  let compared = 0
  fc.assert(
    fc.property(cases, fc.boolean(), ([seed, launches], unseen) => {
      const { random, world, logprobs, leaves, seen } = exploring(seed, launches)
      const { policy, trace } = world
      const start = random.below(logprobs.length)
      const last = start + 1 + random.below(logprobs.length - start)
      if (leaves.known(start, last).all > 1 - 1e-3 || trace.slice(start, last).length === 0) return
      const isSeen = new Set(unseen ? seen.map(({ ids }) => String(ids)) : [])
      const expected = answersFrom(policy).filter(
        ({ ids }) => along(trace, ids) >= start && along(trace, ids) < last && !isSeen.has(String(ids)),
      )
      if (masses(expected).all === 0) return
      const from = launchesOf((uniform) => leaves.pick(start, last, unseen, uniform))
      assert.ok(
        from.every(({ branch }) => branch.unseen === unseen),
        'as asked',
      )
      sameDistribution(launchedAnswers(world, from), expected)
      compared++
    }),
    { numRuns: 80 },
  )
  assert.ok(compared > 0, 'some were compared')
})

test('and so it is after a token that is not the trace’s', () => {
  fc.assert(
    fc.property(cases, ([seed, launches]) => {
      const { world, leaves, seen } = exploring(seed, launches)
      const { policy, trace } = world
      const isSeen = new Set(seen.map(({ ids }) => String(ids)))
      for (const [position, own] of trace.entries())
        for (const { token, to } of placeAfter(policy, trace.slice(0, position)) as Exclude<Place, boolean>) {
          if (token === own || typeof to === 'boolean' || leaves.after(position, token).all > 1 - 1e-3)
            continue
          const expected = answersFrom(policy).filter(
            ({ ids }) =>
              along(trace, ids) === position && ids[position] === token && !isSeen.has(String(ids)),
          )
          const from = launchesOf((uniform) => leaves.pickAfter(position, token, uniform))
          sameDistribution(launchedAnswers(world, from), expected)
        }
    }),
    { numRuns: 40 },
  )
})
