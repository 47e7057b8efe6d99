import { type Random, rngFor } from '../../src/statistics/random.ts'
import { makeWorld, type World } from './toy-world.ts'

interface Step {
  /** Probability of the token the trace takes. */
  readonly mu: number
  /** Change of V by it. */
  readonly delta: number
}

/** Nothing matters: V is the same after every token. One token in five is a choice. */
export function nullWorld(length: number, ...key: readonly (string | number)[]): World {
  const random = rngFor('null world', ...key)
  const steps = Array.from({ length }, () => ({ mu: drawProbability(random), delta: 0 }))
  return worldOf(0.25 + 0.5 * random.next(), steps)
}

/** Every choice moves V by .03 to .1, up as often as down, within .1 to .9: no pivotal token at gap .2. */
export function driftWorld(length: number, ...key: readonly (string | number)[]): World {
  const random = rngFor('drifts', ...key)
  const start = 0.25 + 0.5 * random.next()
  let value = start
  const steps = Array.from({ length }, (): Step => {
    const mu = drawProbability(random)
    const size = mu > 0.9 ? 0 : (random.next() < 0.5 ? -1 : 1) * (0.03 + 0.07 * random.next())
    const delta = possible(value, mu, size) && Math.abs(value + size - 0.5) < 0.4 ? size : 0
    value += delta
    return { mu, delta }
  })
  return worldOf(start, steps)
}

/** Two pairs of pivotal tokens, each pair a change of .25 to .4 and its opposite within 5 to 25 tokens. */
export function cancellingWorld(length: number, ...key: readonly (string | number)[]): World {
  const random = rngFor('cancelling', ...key)
  const start = 0.45 + 0.1 * random.next()
  const steps = Array.from({ length }, (): Step => ({ mu: drawProbability(random), delta: 0 }))
  for (const from of [0, length / 2]) {
    const first = Math.floor(from + random.next() * (length / 2 - 26))
    const size = (random.next() < 0.5 ? -1 : 1) * (0.25 + 0.15 * random.next())
    for (const [position, delta] of [
      [first, size],
      [first + 5 + random.below(20), -size],
    ] as const)
      steps[position] = { mu: 0.15 + 0.3 * random.next(), delta }
  }
  return worldOf(start, steps)
}

/** Finished traces of a policy that is mostly sure: 19 tokens in 20 are, and two thirds of the others are pivotal. Built
 *  from the verdict backward; V is the mixture at every node. */
export function decidedWorld(length: number, ...key: readonly (string | number)[]): World {
  const random = rngFor('decided', ...key)
  const correct = random.next() < 0.6
  const [values, others, logprobs]: [number[], number[], number[]] = [[correct ? 1 : 0], [], []]
  for (let step = 0; step < length; step++) {
    const after = values[0] as number
    const open = random.next() < 0.05
    const mu = open ? 0.3 + 0.45 * random.next() : 1 - 0.02 * random.next()
    const pivotal = open && random.next() < 2 / 3
    const away = pivotal ? 0.35 / (1 - mu) + 0.3 * random.next() : 0.1 * random.next() - 0.05
    const other = Math.min(1, Math.max(0, after + (after > 0.5 ? -away : away)))
    logprobs.unshift(Math.log(mu))
    others.unshift(other)
    values.unshift(mu * after + (1 - mu) * other)
  }
  return { logprobs, values, others, correct }
}

/** The toy world's traces with one token more, which decides: right with the probability that was left, so that V stays a
 *  martingale. Their verdict is known, as it is of every trace that a run searches. */
export function finishedWorld(length: number, ...key: readonly (string | number)[]): World {
  const { logprobs, values, others } = makeWorld(length - 1, ...key)
  const value = values.at(-1) as number
  const correct = rngFor('finished', ...key).next() < value
  return {
    logprobs: [...logprobs, Math.log(correct ? value : 1 - value)],
    values: [...values, correct ? 1 : 0],
    others: [...others, correct ? 0 : 1],
    correct,
  }
}

/** As in the toy world: four in five nearly certain, the others anything. */
const drawProbability = (random: Random): number =>
  random.next() < 0.8 ? 1 - Math.min(0.2, -0.01 * Math.log(1 - random.next())) : 0.1 + 0.8 * random.next()

/** V of the other token, so that V before is the mixture of both. */
const otherValue = (value: number, { mu, delta }: Step): number => value - (delta * mu) / (1 - mu)

const possible = (value: number, mu: number, delta: number): boolean =>
  Math.abs(otherValue(value, { mu, delta }) - 0.5) <= 0.5

function worldOf(start: number, steps: readonly Step[]): World {
  const [values, others] = [[start], [] as number[]]
  for (const step of steps) {
    const value = values.at(-1) as number
    others.push(otherValue(value, step))
    values.push(value + step.delta)
  }
  return { logprobs: steps.map(({ mu }) => Math.log(mu)), values, others }
}
