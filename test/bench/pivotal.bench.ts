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
import { show } from './figure.ts'
import {
  countingRequests,
  indexBisection,
  linearScan,
  type Method,
  mode,
  type Reported,
} from './pivotal-methods.ts'
import { profileFigures, profileLine, profileOf } from './pivotal-profile.ts'
import { score, type Scores, scoreFigures, scoreTable } from './pivotal-scores.ts'

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
  /** First word of the key that its traces are drawn from; the trace's number ends it. */
  readonly seed: string
  readonly count: number
  /** Tokens of a trace. */
  readonly length: number
  readonly make: (length: number, seed: string, i: number) => World
}
const first = '300 tokens'
const sure = 'finished traces of 80 tokens, 19 in 20 sure'
const worlds: readonly BenchWorld[] = [
  { name: first, seed: 'bench', count: 300, length: 300, make: makeWorld },
  { name: '1,500 tokens', seed: 'bench long', count: 60, length: 1500, make: makeWorld },
  {
    name: 'finished traces of 1,500 tokens',
    seed: 'bench finished',
    count: 60,
    length: 1500,
    make: finishedWorld,
  },
  { name: sure, seed: 'bench', count: 150, length: 80, make: decidedWorld },
  { name: 'opposite pivots that cancel', seed: 'bench', count: 100, length: 300, make: cancellingWorld },
  { name: 'no pivot at all', seed: 'bench', count: 200, length: 300, make: nullWorld },
  { name: 'many small drifts', seed: 'bench', count: 200, length: 300, make: driftWorld },
]

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

/** What has to hold, as [claim, whether it does]. */
function bars(all: ReadonlyMap<string, ReadonlyMap<string, Scores>>): (readonly [string, boolean])[] {
  const at = (world: string, method: string): Scores => all.get(world)?.get(method) as Scores
  const [f, t] = [at(first, 'frugal'), at(first, 'thorough')]
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
    const { name, seed, count, length, make } = world
    const traces = Array.from({ length: count }, (_, i) => make(length, seed, i))
    const profile = await profileOf(name, traces)
    if (!json) console.log(`\n${name}\n${profileLine(seed, count, profile)}`)
    const scores = await measure(world, traces)
    all.set(name, scores)
    if (json)
      show([...profileFigures(name, profile, name === first), ...scoreFigures(name, scores, published)])
    else console.log(scoreTable(scores))
  }
  const missed = bars(all).filter(([, held]) => !held)
  for (const [claim] of missed) console.error(`missed: ${claim}`)
  process.exitCode = missed.length
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()
