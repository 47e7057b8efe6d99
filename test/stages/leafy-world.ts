import { answerTo, launchOf } from '../../src/stages/pivotal/on-trace.ts'
import type { Ask, Rollout, RolloutSource, SearchTrace } from '../../src/stages/pivotal/search/source.ts'
import { type Random, rngFor } from '../../src/statistics/random.ts'

/** Where an explicit policy stands: the tokens that may come next, or a finished answer's verdict. */
export type Place = boolean | readonly Step[]

export interface Step {
  readonly token: number
  /** Probability given what stands before it; those of one place sum up to 1. */
  readonly p: number
  readonly to: Place
}

/** A policy that can be written down, and one of its answers as the trace. */
export interface LeafyWorld {
  readonly policy: Place
  readonly trace: readonly number[]
}

/** A finished answer after a place, with its probability there. */
export interface Answer {
  readonly ids: readonly number[]
  readonly p: number
  readonly correct: boolean
}

export function answersFrom(place: Place): readonly Answer[] {
  if (typeof place === 'boolean') return [{ ids: [], p: 1, correct: place }]
  return place.flatMap(({ token, p, to }) =>
    answersFrom(to).map((answer) => ({ ...answer, ids: [token, ...answer.ids], p: p * answer.p })),
  )
}

/** The place after these tokens. */
export function placeAfter(policy: Place, ids: readonly number[]): Place {
  return ids.reduce<Place>((place, id) => {
    const step = stepsOf(place).find(({ token }) => token === id)
    if (step === undefined) throw new Error(`the policy never takes ${id} there`)
    return step.to
  }, policy)
}

/** The same place with tokens forbidden. */
export function without(place: Place, banned: readonly number[]): readonly Step[] {
  const left = stepsOf(place).filter(({ token }) => !banned.includes(token))
  const total = left.reduce((sum, { p }) => sum + p, 0)
  if (total <= 0) throw new Error('every token is forbidden')
  return left.map((step) => ({ ...step, p: step.p / total }))
}

const values = new WeakMap<readonly Step[], number>()

/** Exact success probability. */
export function valueOf(place: Place): number {
  if (typeof place === 'boolean') return place ? 1 : 0
  const value = values.get(place) ?? place.reduce((sum, { p, to }) => sum + p * valueOf(to), 0)
  values.set(place, value)
  return value
}

/** V after every number of trace tokens, and given any other token at each position. */
export function truthOf({ policy, trace }: LeafyWorld) {
  const places = [...trace.keys(), trace.length].map((node) => placeAfter(policy, trace.slice(0, node)))
  const others = trace.map((id, at) => {
    const others = stepsOf(places[at] as Place).filter(({ token }) => token !== id)
    return others.length === 0 ? null : valueOf(without(others, []))
  })
  return { values: places.map(valueOf), others }
}

/** The trace as a search is given it. */
export function searchedTrace({ policy, trace }: LeafyWorld): SearchTrace & { readonly correct: boolean } {
  const logprobs = trace.map((id, at) => {
    const step = stepsOf(placeAfter(policy, trace.slice(0, at))).find(({ token }) => token === id)
    return Math.log(step?.p ?? 0)
  })
  const correct = placeAfter(policy, trace)
  if (typeof correct !== 'boolean') throw new Error('the trace is not finished')
  return { logprobs, correct }
}

/** The answer to an ask for one rollout, mapped onto the trace as the stage does it. */
export function drawOne({ policy, trace }: LeafyWorld, ask: Ask, random: Random, told = true): Rollout {
  const { prefix, banned } = launchOf(ask, trace)
  const [ids, logprobs]: [number[], number[]] = [[], []]
  let place: Place = without(placeAfter(policy, prefix), banned)
  while (typeof place !== 'boolean') {
    const { token, p, to } = drawn(place, random.next())
    ids.push(token)
    logprobs.push(Math.log(p))
    place = to
  }
  const bought = {
    ...{ prefix, ids, banned, purpose: ask.purpose, logprobs: told ? logprobs : null },
    ...({ finishReason: 'stop', verdict: place ? 'equal' : 'different', answer: null } as const),
    ...{ launchSeq: 0, seed: 0, sample: 0, promptTokens: 0, cachedTokens: null },
  }
  return answerTo(ask, [bought], trace)[0] as Rollout
}

/** Rollouts of the policy itself, launched anywhere, whatever is forbidden; `told`: with log-probabilities. */
export function leafySource(
  world: LeafyWorld,
  told: boolean,
  ...key: readonly (string | number)[]
): RolloutSource {
  const launched = new Map<string, number>()
  return {
    canForce: true,
    canBranch: true,
    draw: (ask) => {
      const place = JSON.stringify([launchOf(ask, world.trace), ask.purpose])
      const first = launched.get(place) ?? 0
      launched.set(place, first + ask.n)
      const random = rngFor('leafy', ...key, place, first)
      return Promise.resolve(Array.from({ length: ask.n }, () => drawOne(world, ask, random, told)))
    },
  }
}

/** The answer of a rollout from the start of the trace on. */
export function wholeOf({ trace }: LeafyWorld, { node, branch, drawn }: Rollout): readonly number[] {
  const before = branch === undefined ? trace.slice(0, node) : trace.slice(0, branch.position)
  return [...before, ...(branch?.tokens ?? []), ...(drawn?.ids ?? [])]
}

/** The search keeps its answer: it left a trace of this length, and is likely enough where it did or was launched. */
export function isKept({ diverged, drawn, node, forced, branch }: Rollout, length: number): boolean {
  const off = forced || branch !== undefined
  const logprobs = (drawn?.logprobs ?? []).slice(off ? 0 : diverged - node)
  return diverged < length && logprobs.reduce((sum, one) => sum + one, 0) >= Math.log(1e-4)
}

const stepsOf = (place: Place): readonly Step[] => {
  if (typeof place === 'boolean') throw new Error('the answer is finished')
  return place
}

function drawn(steps: readonly Step[], uniform: number): Step {
  let left = uniform
  for (const step of steps) {
    left -= step.p
    if (left < 0) return step
  }
  return steps.at(-1) as Step
}
