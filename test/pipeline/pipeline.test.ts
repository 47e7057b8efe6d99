import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filter, map } from '../../src/pipeline/constructors.ts'
import { Pipeline } from '../../src/pipeline/pipeline.ts'
import { records } from '../../src/pipeline/source.ts'
import { col } from '../../src/record/columns.ts'

const source = records('problems.jsonl', { id: col.string('id'), problem: col.string('text') })
const needing = <Name extends string>(name: Name) =>
  filter({
    name: 'judge',
    needs: { [name]: col.string('wanted') } as Record<Name, ReturnType<typeof col.string>>,
    reject: () => null,
  })
const answering = map({
  name: 'answer',
  needs: { problem: col.string('text') },
  adds: { answer: col.int32('the answer') },
  each: ({ problem }) => ({ answer: problem.length }),
})

test('a column that no stage before adds is a compile error and a start-up error, both with its name', () => {
  assert.throws(
    // @ts-expect-error 'needs a column that no stage before it adds': "completion"
    () => Pipeline.from(source).through(needing('completion')),
    {
      name: 'FulcrumError',
      code: 'plan',
      message: /stage judge cannot run: completion \(string\) is not there/,
      hint: /Columns at this point: id, problem/,
    },
  )
  // @ts-expect-error the shape needs "answer", too
  assert.throws(() => Pipeline.from(source).into(answers), /dataset config answers cannot run: answer/)
})

const answers = {
  config: 'answers',
  needs: { answer: col.int32('the answer') },
  columns: { answer: col.int32('the answer') },
  rows: (row: { readonly answer: number }) => [row],
}

test('a column of another type is refused as well', () => {
  const asText = map({ name: 'asText', needs: { answer: col.string('text') }, adds: {}, each: () => ({}) })
  assert.throws(
    // @ts-expect-error answer is a number there
    () => Pipeline.from(source).through(answering).through(asText),
    /answer is int32, not string/,
  )
  const sure = map({ name: 'sure', needs: { note: col.string('note') }, adds: {}, each: () => ({}) })
  const unsure = records('x.jsonl', { note: col.nullable(col.string('note')) })
  assert.throws(
    // @ts-expect-error null is possible there and not expected here
    () => Pipeline.from(unsure).through(sure),
    /note is string or null, not string/,
  )
})

test('a column may be added once', () => {
  const again = map({
    name: 'again',
    needs: {},
    adds: { answer: col.int32('x') },
    each: () => ({ answer: 1 }),
  })
  assert.throws(
    // @ts-expect-error 'adds a column that is already there': "answer"
    () => Pipeline.from(source).through(answering).through(again),
    { code: 'plan', message: /adds answer, which is already there/ },
  )
})

test('what a stage adds is typed for the stages after it', () => {
  const pipeline = Pipeline.from(source).through(answering)
  const columns: readonly string[] = Object.keys(pipeline.columns)
  assert.deepEqual(columns, ['id', 'problem', 'answer'])
  map({
    name: 'typed',
    needs: { answer: pipeline.columns.answer },
    adds: { twice: col.int32('twice') },
    // @ts-expect-error a number is declared
    each: ({ answer }) => ({ twice: String(answer) }),
  })
})

test('a pipeline is never changed: through and into give another', () => {
  const first = Pipeline.from(source)
  const second = first.through(answering).into(answers)
  assert.equal(first.steps.length, 0)
  assert.deepEqual(
    second.steps.map(({ kind }) => kind),
    ['stage', 'shape'],
  )
})

test('names that cannot be folders or are taken are refused', () => {
  assert.throws(
    () => Pipeline.from(source).into({ ...answers, needs: {}, config: '../elsewhere' }),
    /config \.\.\/elsewhere is no plain name/,
  )
  assert.throws(
    () => Pipeline.from(source).through(needing('id')).through(needing('problem')),
    /stage judge is there twice/,
  )
})

test('a stage may not add a column named like the mark of a dropped row', () => {
  assert.throws(
    () => map({ name: 'bad', needs: {}, adds: { drop: col.string('x') }, each: () => ({ drop: 'x' }) }),
    /adds a column drop/,
  )
})
