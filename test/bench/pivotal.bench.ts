/** Pivotal token search in worlds whose values are known, every method on the same traces: `npm run bench:pivotal`, with
 *  --json a line of JSON a figure. The seeds here tuned nothing. It fails where a bar is missed. */
import { fileURLToPath } from 'node:url'
import { cancellingWorld, decidedWorld, driftWorld, nullWorld } from '../stages/planted-worlds.ts'
import { plantedSource } from '../stages/planted-source.ts'
import { makeWorld, type World } from '../stages/toy-world.ts'
import { type Figure, show } from './figure.ts'
import { gap, indexBisection, linearScan, type Method, mode, type Reported } from './pivotal-methods.ts'

type Name = (typeof names)[number]
const names = [
  'rollouts a trace', 'precision', 'recall', 'false share', 'rollouts a true pivot',
  'decode tokens a true pivot', 'bias', 'share of traces with a false report', 'interval coverage',
] as const // prettier-ignore
type Scores = Readonly<Record<Name, number>>

const frugal = mode({ mode: 'frugal' })
const thorough = mode({ mode: 'thorough' })
const published = 'published, n=50'
const methods: readonly (readonly [name: string, method: Method, canForce: boolean])[] = [
  ['index-midpoint bisection, n=50', indexBisection(50), false],
  ['linear scan, n=64, z rule', linearScan(64), false],
  [published, mode({ mode: 'published', prune: false, confirmRollouts: 0 }), false],
  ['published, n=50, confirmed', mode({ mode: 'published' }), false],
  ['frugal, unconfirmed', mode({ mode: 'frugal', confirmRollouts: 0 }), true],
  ['frugal', frugal, true],
  ['frugal, nothing forced', frugal, false],
  ['thorough, unconfirmed', mode({ mode: 'thorough', confirmRollouts: 0 }), true],
  ['thorough', thorough, true],
  ['thorough, nothing forced', thorough, false],
]

const worlds: readonly (readonly [name: string, traces: number, make: (i: number) => World])[] = [
  ['300 tokens', 300, (i) => makeWorld(300, 'bench', i)],
  ['1,500 tokens', 60, (i) => makeWorld(1500, 'bench long', i)],
  ['finished traces of 80 tokens, 19 in 20 sure', 150, (i) => decidedWorld(80, 'bench', i)],
  ['opposite pivots that cancel', 100, (i) => cancellingWorld(300, 'bench', i)],
  ['no pivot at all', 200, (i) => nullWorld(300, 'bench', i)],
  ['many small drifts', 200, (i) => driftWorld(300, 'bench', i)],
]

const truth = ({ values }: World, position: number): number =>
  (values[position + 1] as number) - (values[position] as number)

/** Rounding in how a world is made must not decide what is pivotal. */
const isPivot = (world: World, position: number): boolean => Math.abs(truth(world, position)) >= gap - 1e-9

function score(traces: readonly World[], found: readonly Reported[]): Scores {
  const all = found.flatMap(({ pivots }, i) =>
    pivots.map(({ position, delta }) => ({ world: traces[i] as World, position, delta })),
  )
  const right = all.filter(({ world, position }) => isPivot(world, position)).length
  const pivots = traces.flatMap((world) => world.logprobs.filter((_, i) => isPivot(world, i))).length
  const small = all.filter(({ world, position }) => Math.abs(truth(world, position)) < gap / 2)
  const excess = all.map(({ world, position, delta }) => Math.abs(delta) - Math.abs(truth(world, position)))
  const intervals = found.flatMap(({ intervals }, i) =>
    intervals.map(({ position, low, high }) => {
      const delta = truth(traces[i] as World, position)
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
  }
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

async function measure([world, count, make]: (typeof worlds)[number]): Promise<Map<string, Scores>> {
  const traces = Array.from({ length: count }, (_, i) => make(i))
  const scores = new Map<string, Scores>()
  for (const [name, method, canForce] of methods) {
    const found: Reported[] = []
    for (const [i, trace] of traces.entries())
      found.push(await method(trace, plantedSource(trace, canForce, 'bench', world, name, i)))
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
          unit: name.startsWith('rollouts') ? 'rollouts' : name.startsWith('decode') ? 'tokens' : 'share',
          baseline: compared ? published : 'itself',
          ratio: compared ? values[name] / reference[name] : 1,
        }
      }),
  )
}

function table(world: string, count: number, scores: ReadonlyMap<string, Scores>): string {
  const cell = (name: Name, value: number): string =>
    !Number.isFinite(value)
      ? '-'
      : /rollouts|tokens/.test(name)
        ? String(Math.round(value))
        : value.toFixed(3)
  const rows = [...scores].map(
    ([method, values]) => `| ${method} | ${names.map((name) => cell(name, values[name])).join(' | ')} |`,
  )
  return [
    `\n${world}, ${count} traces`,
    `| method | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
    ...rows,
  ].join('\n')
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
    ['frugal', 'thorough'].map(
      (method) =>
        [
          `${world}, ${method}: intervals cover 95 %`,
          (scores.get(method) as Scores)['interval coverage'] >= 0.95,
        ] as const,
    ),
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
  for (const world of worlds) {
    const scores = await measure(world)
    all.set(world[0], scores)
    if (process.argv.includes('--json')) show(figures(world[0], scores))
    else console.log(table(world[0], world[1], scores))
  }
  const missed = bars(all).filter(([, held]) => !held)
  for (const [claim] of missed) console.error(`missed: ${claim}`)
  process.exitCode = missed.length
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bench()
