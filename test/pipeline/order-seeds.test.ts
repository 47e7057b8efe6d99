import assert from 'node:assert/strict'
import { test } from 'node:test'
import { scriptedModel } from '../../src/model/scripted.ts'
import { map } from '../../src/pipeline/constructors.ts'
import { orderNotices } from '../../src/pipeline/order.ts'
import { col } from '../../src/record/columns.ts'

const model = scriptedModel({ complete: [] })
const stage = (name: string, of: { asks?: true; adds?: string; decontaminates?: string }) =>
  map({
    name,
    needs: {},
    adds: of.adds === undefined ? {} : { [of.adds]: col.string('text') },
    ...(of.asks && { models: [model] }),
    ...(of.decontaminates !== undefined && { decontaminates: [of.decontaminates] }),
    each: () => ({}),
  })
const clean = (column: string) => stage(`clean-${column}`, { decontaminates: column })
const ask = stage('ask', { asks: true })
const make = stage('make', { asks: true, adds: 'problem' })
const write = stage('write', { asks: true, adds: 'completion' })
const problem = { problem: col.string('text') }
const text = { text: col.string('text') }
const about = (notices: readonly string[]) => notices.map((notice) => notice.replace(/ that no.*/, ''))

test('problems, and seeds that problems are made from, are decontaminated before models are asked about them', () => {
  assert.deepEqual(orderNotices([clean('problem'), ask], problem), [])
  assert.deepEqual(about(orderNotices([ask, clean('problem')], problem)), ['ask asks a model about problems'])
  assert.deepEqual(orderNotices([clean('text'), make, clean('problem'), ask], text), [])
  assert.deepEqual(about(orderNotices([make, clean('problem'), ask], text)), [
    'make asks a model about texts',
  ])
  assert.deepEqual(about(orderNotices([clean('text'), make, ask], text)), ['ask asks a model about problems'])
  assert.deepEqual(about(orderNotices([ask], text)), ['ask asks a model about texts'])
})

test('traces are decontaminated once they are written', () => {
  assert.deepEqual(orderNotices([clean('problem'), write, clean('completion')], problem), [])
  assert.deepEqual(about(orderNotices([clean('problem'), write], problem)), ['write writes traces'])
})
