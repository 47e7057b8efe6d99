import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openScratch } from '../../src/store/scratch.ts'

test('a scratch file gives back every list, in any order, also those larger than a page and before it is full', () => {
  // 40 lists of up to 2^18 numbers: more than the pages that stay in memory now and then.
  const sizes = fc.array(fc.oneof(fc.nat(100), fc.nat(70_000), fc.constant(2 ** 16), fc.nat(2 ** 18)), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(sizes, (lengths) => {
      const scratch = openScratch()
      try {
        const list = (i: number, length: number): Uint32Array =>
          Uint32Array.from({ length }, (_, at) => Math.imul(i + 1, at + 7))
        const places = lengths.map((length, i) => scratch.append(list(i, length)))
        for (let i = lengths.length - 1; i >= 0; i--)
          assert.deepEqual(
            scratch.read(places[i] as number, lengths[i] as number),
            list(i, lengths[i] as number),
          )
      } finally {
        scratch.close()
      }
    }),
    { numRuns: 20 },
  )
})

test('pages that have left the memory are read from the file', () => {
  const scratch = openScratch()
  const places = Array.from({ length: 400 }, (_, i) => scratch.append(new Uint32Array(2 ** 16).fill(i)))
  for (const i of [0, 399, 200, 1]) assert.equal(scratch.read(places[i] as number, 2 ** 16)[77], i)
  scratch.close()
})

test('an empty list kept after a page that is exactly full is read as empty', () => {
  const scratch = openScratch()
  scratch.append(new Uint32Array(2 ** 16))
  const place = scratch.append(new Uint32Array())
  assert.equal(scratch.read(place, 0).length, 0)
  scratch.close()
})
