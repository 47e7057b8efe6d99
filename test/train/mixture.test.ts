import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { batchStream } from '../../src/train/batches.ts'
import { inMemory } from '../../src/train/items.ts'
import { drawsOf, epochsByWeight, mixtureFrom } from '../../src/train/mixture.ts'
import { permutation } from '../../src/train/permutation.ts'

const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

test('a permutation takes every number once, for any count and key', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer(), (count, key) => {
      assert.deepEqual(sorted(all(count).map(permutation(count, key))), all(count))
    }),
  )
})

test('a permutation has no order left: neighbours end up a third of the way apart, as chance has it', () => {
  const count = 20_000
  const order = permutation(count, 1)
  const gaps = all(count - 1).map((i) => Math.abs(order(i + 1) - order(i)))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / count
  assert.ok(Math.abs(mean / count - 1 / 3) < 0.01, `${mean / count}`)
  assert.notDeepEqual(all(50).map(order), all(50).map(permutation(count, 2)))
})

test('two and a half epochs hold every row twice and half of the rows a third time', () => {
  const draws = [...mixtureFrom([{ count: 8, epochs: 2.5 }], 3)].map(({ index }) => index)
  assert.equal(draws.length, 20)
  for (const pass of [0, 1]) assert.deepEqual(sorted(draws.slice(8 * pass, 8 * pass + 8)), all(8))
  assert.equal(new Set(draws.slice(16)).size, 4)
  assert.notDeepEqual(draws.slice(0, 8), draws.slice(8, 16))
})

const portions = fc.array(
  fc.record({ count: fc.integer({ min: 1, max: 60 }), epochs: fc.double({ min: 0.1, max: 4, noNaN: true }) }),
  { minLength: 1, maxLength: 4 },
)

test('a mixture is exact to the row, spreads its data sets evenly, and goes on from any position', () => {
  fc.assert(
    fc.property(portions, fc.integer(), fc.nat(), (mixture, seed, at) => {
      const wanted = mixture.map(({ count, epochs }) => Math.round(count * epochs))
      fc.pre(wanted.some((n) => n > 0))
      const draws = [...mixtureFrom(mixture, seed)]
      const seen = wanted.map(() => 0)
      draws.forEach(({ source }, i) => {
        seen[source] = (seen[source] as number) + 1
        seen.forEach((n, s) => {
          const share = ((i + 1) * (wanted[s] as number)) / draws.length
          assert.ok(Math.abs(n - share) <= mixture.length, `${n} of data set ${s}, its share is ${share}`)
        })
      })
      assert.deepEqual(seen, wanted)
      const from = at % draws.length
      assert.deepEqual([...mixtureFrom(mixture, seed, from)], draws.slice(from))
    }),
  )
})

test('weights give shares of the mixture, and as many draws as there are rows', () => {
  const counts = [300, 100, 50]
  const epochs = epochsByWeight(counts, [1, 1, 2], 2)
  assert.deepEqual(
    drawsOf(counts.map((count, i) => ({ count, epochs: epochs[i] as number }))),
    [225, 225, 450],
  )
})

test('batches hold every item as often as its epochs say, of like lengths, and any step alone gives the same', async () => {
  const lengths = all(1000).map((i) => 20 + ((i * 37) % 60))
  const items = inMemory('numbers', all(1000))
  const stream = () =>
    batchStream([{ items, epochs: 1.5 }], { batchSize: 16, seed: 1 }, (i) => lengths[i] as number)
  const { steps, at } = stream()
  assert.equal(steps, Math.ceil(1500 / 16))
  const batches: number[][] = []
  for (let step = 1; step <= steps; step++) batches.push((await at(step)).map(({ item }) => item))
  const times = all(1000).map((i) => batches.flat().filter((item) => item === i).length)
  assert.ok(times.every((n) => n === 1 || n === 2))
  assert.equal(batches.flat().length, 1500)

  const padded = batches.reduce(
    (sum, batch) => sum + batch.length * Math.max(...batch.map((i) => lengths[i] as number)),
    0,
  )
  const real = batches.flat().reduce((sum, i) => sum + (lengths[i] as number), 0)
  assert.ok(padded / real < 1.1, `padding takes ${padded / real}`)
  for (const step of [94, 40, 1])
    assert.deepEqual(
      (await stream().at(step)).map(({ item }) => item),
      batches[step - 1],
    )
})

test('copies of an item hardly ever share a batch, though they have one length', async () => {
  const items = inMemory('few', all(242))
  const { steps, at } = batchStream([{ items, epochs: 4 }], { batchSize: 16, seed: 0 }, (i) => i % 40)
  let twice = 0
  for (let step = 1; step <= steps; step++) {
    const batch = (await at(step)).map(({ item }) => item)
    twice += batch.length - new Set(batch).size
  }
  assert.ok(twice <= 12, `${twice} copies in one batch with their like`)
})

test('a mixture that draws nothing is refused', () => {
  assert.throws(() => drawsOf([{ count: 3, epochs: 0.1 }]), /draws nothing: 0.1 epochs of 3/)
})
