/** Pivotal token search in worlds whose values are known, every method on the same traces: `npm run bench:pivotal`, with
 *  --json a line of JSON a figure. The seeds here tuned nothing. It fails where a bar is missed. */
import { fileURLToPath } from 'node:url'
import {
  cancellingWorld,
  decidedWorld,
  driftWorld,
  finishedWorld,
  nullWorld,
} from '../stages/planted-worlds.ts'
import { type PlantedOptions, sourceOf, wrongLonger } from '../stages/planted-source.ts'
import { makeWorld, type World } from '../stages/toy-world.ts'
import { type Figure, show } from './figure.ts'
import {
  countingRequests,
  gap,
  indexBisection,
  linearScan,
  type Method,
  mode,
  type Reported,
} from './pivotal-methods.ts'
import {
  asPublished,
  changeAt,
  isPivot,
  type Profile,
  profileLine,
  profileOf,
  sum,
} from './pivotal-profile.ts'

type Name = (typeof names)[number]
const names = [
  'rollouts a trace', 'precision', 'recall', 'false share', 'rollouts a true pivot',
  'decode tokens a true pivot', 'bias', 'share of traces with a false report', 'interval coverage', 'requests a trace',
] as const // prettier-ignore
type Scores = Readonly<Record<Name, number>>

const frugal = mode({ mode: 'frugal' })
const thorough = mode({ mode: 'thorough' })
const published = 'published, n=50'
const nothing: PlantedOptions = { canForce: false }
const forcing: PlantedOptions = { canForce: true }
const anywhere: PlantedOptions = { canForce: true, canBranch: true }
/** What a search launches anywhere rests on the trace's own verdict: these lines are for worlds that have it. */
const launched = ', launched anywhere'
const methods: readonly (readonly [name: string, method: Method, can: PlantedOptions])[] = [
  ['index-midpoint bisection, n=50', indexBisection(50), nothing],
  ['linear scan, n=64, z rule', linearScan(64), nothing],
  [published, mode({ mode: 'published', prune: false, confirmRollouts: 0 }), nothing],
  ['published, n=50, confirmed', mode({ mode: 'published' }), nothing],
  ['frugal, unconfirmed', mode({ mode: 'frugal', confirmRollouts: 0 }), forcing],
  ['frugal', frugal, forcing],
  ['frugal, nothing forced', frugal, nothing],
  [`frugal${launched}`, frugal, anywhere],
  ['thorough, unconfirmed', mode({ mode: 'thorough', confirmRollouts: 0 }), forcing],
  ['thorough', thorough, forcing],
  ['thorough, nothing forced', thorough, nothing],
  [`thorough${launched}`, thorough, anywhere],
]

interface BenchWorld {
  readonly name: string
  /** First words of the key that its traces are drawn from; the trace's number ends it. */
  readonly seed: string
  readonly count: number
  readonly make: (seed: string, i: number) => World
}
const worlds: readonly BenchWorld[] = [
  { name: '300 tokens', seed: 'bench', count: 300, make: (seed, i) => makeWorld(300, seed, i) },
  { name: '1,500 tokens', seed: 'bench long', count: 60, make: (seed, i) => makeWorld(1500, seed, i) },
  {
    name: 'finished traces of 1,500 tokens',
    seed: 'bench finished',
    count: 60,
    make: (seed, i) => finishedWorld(1500, seed, i),
  },
  {
    name: 'finished traces of 80 tokens, 19 in 20 sure',
    seed: 'bench',
    count: 150,
    make: (seed, i) => decidedWorld(80, seed, i),
  },
  {
    name: 'opposite pivots that cancel',
    seed: 'bench',
    count: 100,
    make: (seed, i) => cancellingWorld(300, seed, i),
  },
  { name: 'no pivot at all', seed: 'bench', count: 200, make: (seed, i) => nullWorld(300, seed, i) },
  { name: 'many small drifts', seed: 'bench', count: 200, make: (seed, i) => driftWorld(300, seed, i) },
]

function score(traces: readonly World[], found: readonly Reported[]): Scores {
  const all = found.flatMap(({ pivots }, i) =>
    pivots.map(({ position, delta }) => ({ world: traces[i] as World, position, delta })),
  )
  const right = all.filter(({ world, position }) => isPivot(world, position)).length
  const pivots = traces.flatMap((world) => world.logprobs.filter((_, i) => isPivot(world, i))).length
  const small = all.filter(({ world, position }) => Math.abs(changeAt(world, position)) < gap / 2)
  const excess = all.map(
    ({ world, position, delta }) => Math.abs(delta) - Math.abs(changeAt(world, position)),
  )
  const intervals = found.flatMap(({ intervals }, i) =>
    intervals.map(({ position, low, high }) => {
      const delta = changeAt(traces[i] as World, position)
      return low <= delta && delta <= high
    }),
  )
  const rollouts = sum(found.map((one) => one.rollouts))
  return {
    'rollouts a trace': rollouts / traces.length,
    precision: right / all.length,
    recall: right / pivots,
    'false share': small.length / all.length,
    'rollouts a true pivot': rollouts / right,
    'decode tokens a true pivot': sum(found.map((one) => one.tokens)) / right,
    bias: sum(excess) / all.length,
    'share of traces with a false report': new Set(small.map(({ world }) => world)).size / traces.length,
    'interval coverage': intervals.filter(Boolean).length / intervals.length,
    'requests a trace': sum(found.map((one) => one.requests)) / traces.length,
  }
}

async function measure({ name: world }: BenchWorld, traces: readonly World[]): Promise<Map<string, Scores>> {
  const scores = new Map<string, Scores>()
  const finished = traces.every(({ correct }) => correct !== undefined)
  for (const [name, method, can] of methods) {
    if (name.endsWith(launched) && !finished) continue
    const found: Reported[] = []
    for (const [i, trace] of traces.entries())
      found.push(await countingRequests(method)(trace, sourceOf(trace, can, 'bench', world, name, i)))
    scores.set(name, score(traces, found))
  }
  return scores
}

function figures(world: string, scores: ReadonlyMap<string, Scores>): Figure[] {
  const reference = scores.get(published) as Scores
  return [...scores].flatMap(([method, values]) =>
    names
      .filter((name) => Number.isFinite(values[name]))
      .map((name) => {
        const compared = Number.isFinite(reference[name]) && reference[name] !== 0
        return {
          bench: 'pivotal',
          case: `${world}; ${method}; ${name}`,
          value: values[name],
          unit: unitOf(name),
          baseline: compared ? published : 'itself',
          ratio: compared ? values[name] / reference[name] : 1,
        }
      }),
  )
}

const unitOf = (name: Name): string =>
  ['rollouts', 'requests'].find((unit) => name.startsWith(unit)) ??
  (name.startsWith('decode') ? 'tokens' : 'share')

/** What the traces are like, against what the page says of the first world's. */
const profileFigures = (world: string, profile: Profile): Figure[] =>
  Object.entries({ ...profile }).map(([name, value]) => {
    const published: Partial<Record<string, number>> = world === '300 tokens' ? asPublished : {}
    const baseline = published[name]
    return {
      ...{ bench: 'pivotal', case: `${world}; traces; ${name}`, value, unit: 'a trace' },
      ...(baseline === undefined
        ? { baseline: 'itself', ratio: 1 }
        : { baseline: 'the page', ratio: value / baseline }),
    }
  })

function table(scores: ReadonlyMap<string, Scores>): string {
  const cell = (name: Name, value: number): string =>
    !Number.isFinite(value)
      ? '-'
      : /rollouts|tokens|requests/.test(name)
        ? String(Math.round(value))
        : value.toFixed(3)
  const rows = [...scores].map(
    ([method, values]) => `| ${method} | ${names.map((name) => cell(name, values[name])).join(' | ')} |`,
  )
  return [`| method | ${names.join(' | ')} |`, `|---|${names.map(() => '---|').join('')}`, ...rows].join('\n')
}

/** What has to hold, as [claim, whether it does]. */
function bars(all: ReadonlyMap<string, ReadonlyMap<string, Scores>>): (readonly [string, boolean])[] {
  const at = (world: string, method: string): Scores => all.get(world)?.get(method) as Scores
  const [f, t] = [at('300 tokens', 'frugal'), at('300 tokens', 'thorough')]
  const quiet = ['no pivot at all', 'many small drifts'].flatMap((world) =>
    ['frugal', 'thorough', 'frugal, nothing forced', 'thorough, nothing forced'].map(
      (method) =>
        [
          `${world}, ${method}: false discoveries in at most 10 % of traces`,
          at(world, method)['share of traces with a false report'] <= 0.1,
        ] as const,
    ),
  )
  const covered = [...all].flatMap(([world, scores]) =>
    ['frugal', 'thorough', `frugal${launched}`, `thorough${launched}`].flatMap((method) => {
      const found = scores.get(method)
      if (found === undefined) return []
      return [[`${world}, ${method}: intervals cover 95 %`, found['interval coverage'] >= 0.95] as const]
    }),
  )
  return [
    ['frugal: precision at least .96', f.precision >= 0.96],
    ['frugal: at most 600 rollouts a true pivot', f['rollouts a true pivot'] <= 600],
    ['thorough: recall at least .85', t.recall >= 0.85],
    ['thorough: precision at least .9', t.precision >= 0.9],
    ['thorough: at most 900 rollouts a true pivot', t['rollouts a true pivot'] <= 900],
    ...quiet,
    ...covered,
  ]
}

export async function bench(): Promise<void> {
  const all = new Map<string, ReadonlyMap<string, Scores>>()
  const json = process.argv.includes('--json')
  if (!json)
    console.log(
      `Wrong answers take ${wrongLonger} times the tokens of right ones from where they leave the trace; no decision sees it.`,
    )
  for (const world of worlds) {
    const { name, seed, count, make } = world
    const traces = Array.from({ length: count }, (_, i) => make(seed, i))
    const profile = await profileOf(name, traces)
    if (!json) console.log(`\n${name}\n${profileLine(seed, count, profile)}`)
    const scores = await measure(world, traces)
    all.set(name, scores)
    if (json) show([...profileFigures(name, profile), ...figures(name, scores)])
    else console.log(table(scores))
  }
  const missed = bars(all).filter(([, held]) => !held)
  for (const [claim] of missed) console.error(`missed: ${claim}`)
  process.exitCode = missed.length
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()
