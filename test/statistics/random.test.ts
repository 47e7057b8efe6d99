import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rngFor, seedFor } from '../../src/statistics/random.ts'

const draws = (count: number, ...key: (string | number)[]): number[] => {
  const random = rngFor(...key)
  return Array.from({ length: count }, () => random.next())
}

test('the same key gives the same stream, another key another', () => {
  assert.deepEqual(draws(5, 7, 'stage', 'row'), draws(5, 7, 'stage', 'row'))
  assert.notDeepEqual(draws(5, 7, 'stage', 'row'), draws(5, 7, 'stage', 'other'))
  assert.notDeepEqual(draws(5, 1, 12), draws(5, 11, 2))
  assert.notDeepEqual(draws(5, 'a', 1), draws(5, 'a', '1'))
})

test('streams are frozen: a change of the generator would change every dataset', () => {
  assert.deepEqual(draws(2, 1, 'frozen'), [0.9061403290484089, 0.23291141267514237])
  assert.equal(seedFor(1, 'frozen'), 1370704002)
})

test('draws are uniform in [0, 1) and have no serial correlation', () => {
  const values = draws(20_000, 3, 'uniform')
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  const serial =
    values.slice(1).reduce((sum, value, i) => sum + (value - mean) * ((values[i] ?? 0) - mean), 0) /
    values.length
  assert.ok(values.every((value) => value >= 0 && value < 1))
  assert.ok(Math.abs(mean - 0.5) < 0.01, `mean ${mean}`)
  assert.ok(Math.abs(variance - 1 / 12) < 0.003, `variance ${variance}`)
  assert.ok(Math.abs(serial) < 0.003, `serial ${serial}`)
})

test('first draws of neighbouring keys are independent', () => {
  const firsts = Array.from({ length: 5000 }, (_, row) => rngFor(1, 'stage', row).next())
  const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length
  assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`)
})

test('below gives every whole number under the bound, and seeds have 31 bits', () => {
  const random = rngFor(1, 'below')
  const seen = new Set(Array.from({ length: 500 }, () => random.below(7)))
  assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4, 5, 6])
  for (let i = 0; i < 100; i++) assert.ok(seedFor('bits', i) >= 0 && seedFor('bits', i) < 2 ** 31)
})
