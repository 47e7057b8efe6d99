/** Pivotal token search of a real policy: the shipped student on traces of its own whose values are known (pivotal-truth/).
 *  Every method on the same traces and from the same stock of rollouts, each seed another stock:
 *  `npm run bench:pivotal-policy`, with --seeds N (5), with --json a line of JSON a figure and the table on stderr. These
 *  traces tuned nothing: the search's constants were chosen on toy worlds and on traces of 32 other development problems. It
 *  fails where a bar is missed. */
import { parseArgs } from 'node:util'
import { localModel } from '../../src/model/local.ts'
import type { Model } from '../../src/model/model.ts'
import { locate } from '../../src/store/bundled.ts'
import { type Figure, show } from './figure.ts'
import { type Method, methods, reference, searchWith } from './pivotal-truth/methods.ts'
import { poolOf } from './pivotal-truth/pool.ts'
import { figureNames, score, type Scores, type Searched } from './pivotal-truth/score.ts'
import { agreement, gap, isOpen, readTruth, truePivots } from './pivotal-truth/truth.ts'

const { values: flags } = parseArgs({
  options: { json: { type: 'boolean', default: false }, seeds: { type: 'string', default: '5' } },
})
const seeds = Array.from({ length: Number(flags.seeds) }, (_, seed) => seed)
const { traces, model: measured } = readTruth()

const student = await localModel(locate('datasets/models/student'))
if (student.id !== measured) throw new Error(`the truth is of ${measured}, the student is ${student.id}`)
/** By method and seed. */
const found = new Map<string, (readonly Searched[])[]>(methods.map(({ name }) => [name, []]))
for (const seed of seeds) {
  const pools = traces.map(({ id }) => poolOf(student, 'pivotal-policy', seed, id))
  for (const method of methods) {
    const started = performance.now()
    const searched = traces.map((_, i) => search(method, i, seed, pools[i]?.reader() as Model))
    found.get(method.name)?.push(await Promise.all(searched))
    const seconds = ((performance.now() - started) / 1000).toFixed(0)
    process.stderr.write(`seed ${seed}: ${method.name}, ${seconds} s\n`)
  }
}
await student.close()

const scores = new Map([...found].map(([name, of]) => [name, score(of.flat())]))
const page = [...described(), '', ...table()].join('\n')
if (flags.json) show(figures())
// One run takes minutes: the table is told beside the lines of JSON too.
if (flags.json) console.error(page)
else console.log(page)
process.exitCode = bars().length
for (const missed of bars()) console.error(`missed: ${missed}`)

async function search(method: Method, i: number, seed: number, model: Model): Promise<Searched> {
  const trace = traces[i] as (typeof traces)[number]
  return { trace, found: await searchWith(method, trace, model, ['pivotal-policy', seed, trace.id]) }
}

/** What the traces are like, and whether their two measurements agree. */
function described(): string[] {
  const tokens = traces.flatMap(({ trace }) => trace).length
  const open = traces.flatMap((trace) => trace.trace.filter((_, at) => isOpen(trace, at))).length
  const count = (least: number): number => traces.flatMap((trace) => truePivots(trace, least)).length
  const pivots = count(gap)
  const { rootMeanSquare, beyondTwo } = agreement(traces)
  return [
    `${traces.length} traces, ${tokens} tokens, ${open} of them open (${percent(1 - open / tokens)} closed by log-probabilities alone)`,
    `${pivots} pivots at gap ${gap} (${(pivots / traces.length).toFixed(2)} a trace, ${percent(pivots / open)} of the open tokens); ${count(gap - 0.05) - count(gap + 0.05)} open tokens within .05 of the gap, ${count(gap - 0.01) - count(gap + 0.01)} within .01`,
    `exact changes against plain rollouts: root mean square of ${rootMeanSquare.toFixed(2)} standard errors, ${beyondTwo} of ${open} beyond 2`,
  ]
}

function table(): string[] {
  const rows = [...found].map(([name, of]) => {
    const each = of.map(score)
    const cells = figureNames.map(({ name: figure, digits }) => {
      const values = each.map((one) => one[figure])
      const value = (scores.get(name) as Scores)[figure]
      const [low, high] = [Math.min(...values), Math.max(...values)]
      const [text, ...ends] = [value, low, high].map((one) => one.toFixed(digits).replace(/^(-?)0\./, '$1.'))
      return Number.isNaN(value) ? '-' : `${text} (${ends.join('-')})`
    })
    return `| ${name} | ${cells.join(' | ')} |`
  })
  const names = figureNames.map(({ name }) => name)
  return [
    `All ${seeds.length} seeds together, and the least and most of one.`,
    `| method | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---|').join('')}`,
    ...rows,
  ]
}

function figures(): Figure[] {
  const published = scores.get(reference) as Scores
  return [...scores].flatMap(([name, of]) =>
    figureNames
      .filter(({ name: figure }) => !Number.isNaN(of[figure]))
      .map(({ name: figure, unit }) => {
        const [value, baseline] = [of[figure], published[figure]]
        const compared = Number.isFinite(baseline) && baseline !== 0
        return {
          ...{ bench: 'pivotal-policy', case: `${name}; ${figure}`, value, unit },
          baseline: compared ? reference : 'itself',
          ratio: compared ? value / baseline : 1,
        }
      }),
  )
}

/** Bars that are not met. */
function bars(): string[] {
  const at = (name: string): Scores => scores.get(name) as Scores
  const [thorough, frugal, published] = [at('thorough'), at('frugal'), at(reference)]
  const [takes, most] = [thorough['rollouts a trace'], published['rollouts a trace'] / 3]
  return [
    ...(thorough.recall >= 0.95 ? [] : ['thorough finds 95 % of the true pivots']),
    ...(thorough.precision >= 0.95 ? [] : ['thorough is right in 95 % of its reports']),
    ...(takes <= most ? [] : ['thorough takes a third of the rollouts of the published recursion at most']),
    ...(thorough.coverage >= 0.95 ? [] : ['intervals of thorough cover 95 %']),
    ...(frugal.coverage >= 0.95 ? [] : ['intervals of frugal cover 95 %']),
  ]
}

function percent(value: number): string {
  return `${(100 * value).toFixed(1)} %`
}
