import { createHash } from 'node:crypto'
import { type Random, rngFor } from '../../src/statistics/random.ts'

/** A word problem with the steps that solve it. */
export interface ArithmeticProblem {
  readonly id: string
  readonly family: Family
  readonly problem: string
  readonly answer: string
  readonly steps: readonly Step[]
  readonly split: Split
}

/** One operation on whole numbers from 1 to 199. */
export interface Step {
  readonly sign: '+' | '-' | '*'
  readonly left: number
  readonly right: number
}

export type Family = 'running' | 'comparison' | 'groups' | 'change'
export type Split = 'train' | 'development' | 'held-out'

/** Two ways to write an operation down: the result at once, or tens first and ones after. */
export type Way = 'directly' | 'stepwise'

const names = ['Ana', 'Ben', 'Eva', 'Leo', 'Mia', 'Sam', 'Tom', 'Zoe']
const things = ['pens', 'cups', 'eggs', 'keys', 'nuts', 'caps', 'toys', 'figs']
const gains = ['buys', 'finds', 'wins']
const losses = ['loses', 'sells', 'breaks']
const families: readonly Family[] = ['running', 'comparison', 'groups', 'change']

/** Problem number `index` of a seed. Its split follows from a hash of family, operations and numbers alone, so
 *  no combination of them is in two splits, whatever the names and things. */
export function makeProblem(seed: number, index: number): ArithmeticProblem {
  const random = rngFor(seed, 'arithmetic', index)
  for (;;) {
    const family = choose(random, families)
    const { text, steps } = makers[family](random)
    const results = steps.map(resultOf)
    if (results.some((result) => result < 1 || result > 199)) continue
    const problem = withDistractor(random, text)
    const key = createHash('sha256')
      .update(JSON.stringify([family, steps]))
      .digest()
    return {
      id: createHash('sha256').update(problem).digest('hex').slice(0, 12),
      family,
      problem,
      answer: String(results.at(-1)),
      steps,
      split: splitOf(key.readUInt32LE(0) % 10),
    }
  }
}

const splitOf = (bucket: number): Split =>
  bucket === 0 ? 'held-out' : bucket === 1 ? 'development' : 'train'

/** The first `count` problems of a split, no text twice. */
export function* problemsOf(split: Split, seed: number, count: number): Generator<ArithmeticProblem> {
  const seen = new Set<string>()
  for (let index = 0; seen.size < count; index++) {
    const problem = makeProblem(seed, index)
    if (problem.split !== split || seen.has(problem.problem)) continue
    seen.add(problem.problem)
    yield problem
  }
}

export const resultOf = ({ sign, left, right }: Step): number =>
  sign === '+' ? left + right : sign === '-' ? left - right : left * right

/** How a corpus writes its traces. */
export interface Corpus {
  /** Share of operations written `stepwise`. */
  readonly stepwise: number
  /** Share of `directly` written results that are off by one or by ten: the slips of a sloppy author. */
  readonly slips: number
}

/** A worked answer, `#### answer` at its end. After a slip the trace goes on with the wrong number. */
export function writeTrace(problem: ArithmeticProblem, corpus: Corpus, random: Random): string {
  let text = ''
  const carried = new Map<number, number>()
  let last = 0
  for (const step of problem.steps) {
    const left = carried.get(step.left) ?? step.left
    const right = carried.get(step.right) ?? step.right
    const [written, result] = writeStep({ ...step, left, right }, corpus, random)
    carried.set(resultOf(step), result)
    text += written
    last = result
  }
  return `${text} #### ${last}`
}

function writeStep(step: Step, corpus: Corpus, random: Random): [string, number] {
  const { sign, left, right } = step
  const result = resultOf(step)
  if (sign === '*' || right < 10) return [` get ${left}${sign}${right}=${result};`, result]
  if (random.next() < corpus.stepwise) {
    const tens = right - (right % 10)
    const half = resultOf({ sign, left, right: tens })
    const rest = right % 10 === 0 ? '' : `${sign}${right % 10}=${result}`
    return [` stepwise ${left}${sign}${tens}=${half}${rest};`, result]
  }
  const slip = random.next() < corpus.slips ? choose(random, [-10, -1, 1, 10]) : 0
  const written = slip !== 0 && result + slip < 1 ? result - slip : result + slip
  return [` directly ${left}${sign}${right}=${written};`, written]
}

const makers: Readonly<Record<Family, (random: Random) => { text: string; steps: Step[] }>> = {
  running: (random) => {
    const [name, thing] = [choose(random, names), choose(random, things)]
    let amount = between(random, 15, 60)
    const steps: Step[] = []
    const parts = [`${name} has ${amount} ${thing}.`]
    for (let i = 2 + random.below(2); i > 0; i--) {
      const gain = random.next() < 0.5
      const by = between(random, 11, gain ? 49 : Math.max(12, amount - 3))
      steps.push({ sign: gain ? '+' : '-', left: amount, right: by })
      amount += gain ? by : -by
      parts.push(`${name} ${choose(random, gain ? gains : losses)} ${by} ${thing}.`)
    }
    return { text: `${parts.join(' ')} How many ${thing} does ${name} have?`, steps }
  },
  comparison: (random) => {
    const [first, second] = two(random, names)
    const thing = choose(random, things)
    const [base, by] = [between(random, 14, 58), between(random, 11, 38)]
    const more = random.next() < 0.5
    const other = more ? base + by : base - by
    const steps: Step[] = [
      { sign: more ? '+' : '-', left: base, right: by },
      { sign: '+', left: base, right: other },
    ]
    return {
      text: `${first} has ${base} ${thing}. ${second} has ${by} ${more ? 'more' : 'fewer'} than ${first}. How many ${thing} do they have together?`,
      steps,
    }
  },
  groups: (random) => {
    const [name, thing] = [choose(random, names), choose(random, things)]
    const [boxes, each] = [between(random, 3, 9), between(random, 4, 9)]
    const total = boxes * each
    const [extra, gone] = [between(random, 11, 48), between(random, 11, 39)]
    const steps: Step[] = [
      { sign: '*', left: boxes, right: each },
      { sign: '+', left: total, right: extra },
      { sign: '-', left: total + extra, right: gone },
    ]
    return {
      text: `${name} has ${boxes} boxes of ${each} ${thing} and ${extra} more. ${name} ${choose(random, losses)} ${gone} ${thing}. How many ${thing} does ${name} have?`,
      steps,
    }
  },
  change: (random) => {
    const [name, thing] = [choose(random, names), choose(random, things)]
    const [count, price] = [between(random, 3, 9), between(random, 4, 9)]
    const [bag, paid] = [between(random, 11, 38), between(random, 95, 150)]
    const cost = count * price
    const steps: Step[] = [
      { sign: '*', left: count, right: price },
      { sign: '+', left: cost, right: bag },
      { sign: '-', left: paid, right: cost + bag },
    ]
    return {
      text: `${name} buys ${count} ${thing} for ${price} coins each and a bag for ${bag} coins. ${name} pays ${paid} coins. How many coins does ${name} get back?`,
      steps,
    }
  },
}

/** Some problems carry a number that does not matter. */
function withDistractor(random: Random, text: string): string {
  if (random.next() >= 0.3) return text
  const sentence = `${choose(random, names)} is ${between(random, 7, 60)} years old.`
  const end = text.indexOf('. ') + 2
  return `${text.slice(0, end)}${sentence} ${text.slice(end)}`
}

function choose<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)] as T
}

function two(random: Random, from: readonly string[]): [string, string] {
  const first = random.below(from.length)
  const second = (first + 1 + random.below(from.length - 1)) % from.length
  return [from[first] as string, from[second] as string]
}

/** A whole number from low to high, both included. */
const between = (random: Random, low: number, high: number): number => low + random.below(high - low + 1)
