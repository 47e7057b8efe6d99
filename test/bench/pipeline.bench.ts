/** What a pipeline costs beyond the work of its stages, in microseconds a row and stage, against a plain loop that calls
 *  the same functions: `node --import ./test/bench/strip-types.js test/bench/pipeline.bench.ts`. */
import { filter, map } from '../../src/pipeline/constructors.ts'
import { flow } from '../../src/pipeline/flow.ts'
import type { Step } from '../../src/pipeline/pipeline.ts'
import type { Run, Stage } from '../../src/pipeline/stage.ts'
import { col, type Columns } from '../../src/record/columns.ts'
import { type Figure, main } from './figure.ts'

const [rowCount, stageCount, rounds] = [100_000, 8, 5]
/** As src/pipeline/shard.ts hands rows on. */
const groupRows = 64

type Each = (row: object, run: Run) => unknown
interface Case {
  readonly name: string
  readonly stage: (name: string, each: Each) => Stage<Columns, Columns>
  readonly each: (stage: number) => Each
}

const filters: Case = {
  name: 'filters that keep all',
  stage: (name, each) => filter({ name, needs: {}, reject: each as () => null }),
  each: () => () => null,
}
const maps: Case = {
  name: 'maps that add a column',
  stage: (name, each) =>
    map({ name, needs: {}, adds: { [name]: col.int32('x') }, each: each as () => never }),
  each: (stage) => () => ({ [`stage${stage}`]: stage }),
}
const mixed: Case = {
  name: 'maps and filters in turn',
  stage: (name, each) => (Number(name.slice(5)) % 2 === 0 ? maps : filters).stage(name, each),
  each: (stage) => (stage % 2 === 0 ? maps : filters).each(stage),
}
const windowed: Case = {
  name: 'filters with 32 calls at once',
  stage: (name, each) => filter({ name, needs: {}, concurrency: 32, reject: each as () => null }),
  each: () => () => Promise.resolve(null),
}

/** Rows as wide as those of verified traces. */
const sourceRows = Array.from({ length: rowCount }, (_, i) => ({
  ...{
    id: `row-${i}`,
    problem: 'How many?',
    answer: '42',
    trace_id: `row-${i}/0`,
    prompt: '<|user|>How many?',
  },
  ...{ prompt_ids: [1, 2, 3], completion: '42', completion_ids: [4, 2], finish_reason: 'stop' },
  ...{ teacher_model: 'teacher', verdict: 'equal', extracted_answer: '42', verifier_id: 'exact' },
}))

export async function bench(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const kind of [filters, maps, mixed, windowed]) {
    const eaches = Array.from({ length: stageCount }, (_, i) => kind.each(i))
    const steps = eaches.map((each, i): Step => ({ kind: 'stage', stage: kind.stage(`stage${i}`, each) }))
    // The first round warms up; the least of the others is the one that the machine disturbed least.
    const times = { pipeline: [] as number[], loop: [] as number[] }
    for (let round = 0; round <= rounds; round++) {
      times.loop.push(await seconds(() => loop(eaches)))
      times.pipeline.push(await seconds(() => pipeline(steps)))
    }
    const [whole, work] = [Math.min(...times.pipeline.slice(1)), Math.min(...times.loop.slice(1))]
    figures.push({
      bench: 'pipeline',
      case: `${stageCount} ${kind.name}, ${rowCount} rows: overhead`,
      value: ((whole - work) * 1e6) / (rowCount * stageCount),
      unit: 'µs/row/stage',
      baseline: 'the time of a plain loop',
      ratio: whole / work,
    })
  }
  return figures
}

/** The source is a step of its own and is counted to the overhead. */
async function pipeline(steps: readonly Step[]): Promise<void> {
  const out = Array<number>(steps.length + 1).fill(0)
  const passed = (stage: number): void => {
    out[stage] = (out[stage] as number) + 1
  }
  const write = (): Promise<void> => Promise.reject(new Error('no shape here'))
  let rows = 0
  for await (const group of flow(steps, groups(), { run, passed, write })) rows += group.length
  if (out.some((count) => count !== rowCount) || rows !== rowCount)
    throw new Error(`lost rows: ${out.join()}`)
}

async function loop(eaches: readonly Each[]): Promise<void> {
  for (const row of sourceRows) {
    for (const each of eaches) {
      const result = each(row, run)
      if (result instanceof Promise) await result
    }
  }
}

async function* groups(): AsyncGenerator<object[]> {
  await Promise.resolve()
  for (let from = 0; from < rowCount; from += groupRows) yield sourceRows.slice(from, from + groupRows)
}

const run: Run = {
  seed: 1,
  signal: new AbortController().signal,
  drop: () => undefined,
  count: () => undefined,
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const start = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1e6
}

await main(import.meta.url, bench)
