import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { expand, filter, map } from '../../src/pipeline/constructors.ts'
import { flow } from '../../src/pipeline/flow.ts'
import type { Step } from '../../src/pipeline/pipeline.ts'
import type { Run, Stage } from '../../src/pipeline/stage.ts'
import { col, type Columns } from '../../src/record/columns.ts'

const number = { n: col.int32('number') }

interface Seen {
  rows: object[]
  dropped: [string, object, string][]
  passed: number[]
  written: [string, object][]
}

function recorder(): { seen: Seen; run: Run } {
  const seen: Seen = { rows: [], dropped: [], passed: [], written: [] }
  const { signal } = new AbortController()
  const drop: Run['drop'] = (...dropped) => void seen.dropped.push(dropped)
  return { seen, run: { seed: 0, signal, drop, count: () => undefined } }
}

/** Rows through stages as a run does it. */
async function through(stages: readonly unknown[], rows: readonly object[], groupRows = 3): Promise<Seen> {
  const { seen, run } = recorder()
  const steps: Step[] = stages.map((stage) => ({ kind: 'stage', stage: stage as Stage<Columns, Columns> }))
  const ends = {
    run,
    passed: (at: number) => void (seen.passed[at] = (seen.passed[at] ?? 0) + 1),
    write: (config: string, row: object) => Promise.resolve(void seen.written.push([config, row])),
  }
  async function* groups(): AsyncGenerator<object[]> {
    await Promise.resolve()
    for (let i = 0; i < rows.length; i += groupRows) yield rows.slice(i, i + groupRows)
  }
  for await (const group of flow(steps, groups(), ends)) seen.rows.push(...group)
  return seen
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => ({ id: `r${n}`, n }))

test('map adds columns, filter drops with a reason, expand repeats rows; counts are kept', async () => {
  const twice = map({
    name: 'twice',
    needs: number,
    adds: { m: col.int32('m') },
    each: ({ n }) => ({ m: 2 * n }),
  })
  const even = filter({ name: 'even', needs: number, reject: ({ n }) => (n % 2 === 0 ? null : 'odd') })
  const times = expand({
    name: 'times',
    needs: number,
    adds: { k: col.int32('k') },
    empty: 'nothing came of it',
    each: ({ n }) => Array.from({ length: n }, (_, k) => ({ k })),
  })
  const { rows, dropped, passed } = await through([twice, even, times], upTo(4))
  assert.deepEqual(rows, [
    { id: 'r2', n: 2, m: 4, k: 0 },
    { id: 'r2', n: 2, m: 4, k: 1 },
  ])
  assert.deepEqual(dropped, [
    ['times', { id: 'r0', n: 0, m: 0 }, 'nothing came of it'],
    ['even', { id: 'r1', n: 1, m: 2 }, 'odd'],
    ['even', { id: 'r3', n: 3, m: 6 }, 'odd'],
  ])
  assert.deepEqual(passed, [4, 4, 2, 2])
})

test('one at a time, with a window, or as a stream of its own: the same rows and drops', async () => {
  const kinds = [
    (wait: boolean) => (wait ? { concurrency: 3 } : {}),
    () => ({ concurrency: 1 }),
    () => ({ concurrency: 4, backlog: 5 }),
  ]
  const stagesOf = (kind: (wait: boolean) => object, asynchronous: boolean) => {
    const soon = <T>(value: T): T | Promise<T> =>
      asynchronous ? new Promise((done) => setImmediate(done, value)) : value
    return [
      expand({
        name: 'split',
        needs: number,
        adds: { k: col.int32('k') },
        ...kind(true),
        each: ({ n }) =>
          soon(n % 3 === 0 ? { drop: 'third' } : Array.from({ length: n % 4 }, (_, k) => ({ k }))),
      }),
      filter({
        name: 'some',
        needs: number,
        ...kind(false),
        reject: ({ n }) => soon(n % 5 === 0 ? 'fifth' : null),
      }),
      map({ name: 'last', needs: number, adds: {}, ...kind(true), each: () => soon({}) }),
    ]
  }
  const plain = await through(
    stagesOf(() => ({}), false),
    upTo(50),
  )
  for (const kind of kinds) {
    for (const asynchronous of [false, true]) {
      const other = await through(stagesOf(kind, asynchronous), upTo(50), 7)
      assert.deepEqual(other.rows, plain.rows)
      const sorted = ({ dropped }: Seen) => dropped.map((drop) => JSON.stringify(drop)).sort()
      assert.deepEqual(sorted(other), sorted(plain))
      assert.deepEqual(other.passed, plain.passed)
    }
  }
})

test('a stage used by hand gives what it gives in a run', async () => {
  const stage = expand({
    name: 'copies',
    needs: number,
    adds: { k: col.int32('k') },
    each: ({ n }) => (n === 1 ? { drop: 'one' } : [{ k: 0 }, { k: n }]),
  })
  const { seen, run } = recorder()
  async function* rows() {
    await Promise.resolve()
    yield* upTo(3)
  }
  for await (const row of stage.apply(rows(), run)) seen.rows.push(row)
  const inRun = await through([stage], upTo(3))
  assert.deepEqual([seen.rows, seen.dropped], [inRun.rows, inRun.dropped])
})

test('drops said inside concurrent calls keep the order of the rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }), async (delays) => {
      const stage = map({
        name: 'late',
        needs: number,
        adds: {},
        concurrency: 4,
        each: async ({ n }, run) => {
          for (let turn = 0; turn < (delays[n] as number); turn++) await new Promise(setImmediate)
          run.drop('late', { n }, 'from inside')
          return {}
        },
      })
      const { dropped } = await through([stage], upTo(delays.length))
      assert.deepEqual(
        dropped.map(([, row]) => row),
        delays.map((_, n) => ({ n })),
      )
    }),
    { numRuns: 30 },
  )
})

test('an error in a stage says which stage and which row', async () => {
  for (const window of [{}, { concurrency: 2 }]) {
    const bad = map({
      name: 'bad',
      needs: number,
      adds: {},
      ...window,
      each: ({ n }) => {
        if (n === 2) throw new TypeError('no such thing')
        return {}
      },
    })
    await assert.rejects(through([bad], upTo(4)), {
      name: 'FulcrumError',
      message: 'Stage bad failed at row r2: no such thing',
    })
  }
})

test('a shape in the middle writes rows and lets the stream go on', async () => {
  const { seen, run } = recorder()
  const shape = {
    config: 'pairs',
    needs: number,
    columns: number,
    rows: ({ n }: { n: number }) => [{ n }, { n: -n }],
  }
  const gone = filter({ name: 'gone', needs: number, reject: () => 'all of them' })
  const steps = [
    { kind: 'shape', shape },
    { kind: 'stage', stage: gone },
  ] as unknown as Step[]
  async function* groups() {
    await Promise.resolve()
    yield upTo(2)
  }
  const ends = {
    run,
    passed: () => undefined,
    write: (config: string, row: object) => Promise.resolve(void seen.written.push([config, row])),
  }
  for await (const group of flow(steps, groups(), ends)) seen.rows.push(...group)
  assert.deepEqual(seen.rows, [])
  assert.equal(seen.dropped.length, 2)
  assert.deepEqual(seen.written, [
    ['pairs', { n: 0 }],
    ['pairs', { n: -0 }],
    ['pairs', { n: 1 }],
    ['pairs', { n: -1 }],
  ])
})
