import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { readyZstd, unzstd, zstd } from '../../src/store/zstd.ts'
import { xxh64Low } from '../../src/store/xxh64.ts'

test('the checksum has the published values of XXH64', () => {
  const of = (text: string): string => xxh64Low(Buffer.from(text)).toString(16).padStart(8, '0')
  // Low halves of XXH64, seed 0: ef46db3751d8e999, d24ec4f1a98c6e5b, 44bc2cf5ad770999.
  assert.equal(of(''), '51d8e999')
  assert.equal(of('a'), 'a98c6e5b')
  assert.equal(of('abc'), 'ad770999')
})

test('the checksum is that of a second implementation, written with 64-bit integers, at every length', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(BigInt(xxh64Low(bytes)), xxh64(bytes) & 0xffffffffn)
    }),
    { numRuns: 500 },
  )
})

test('what was packed comes back, and no flipped bit gives other bytes', async () => {
  await readyZstd()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(), (bytes, at) => {
      const frame = zstd(bytes)
      assert.deepEqual(Buffer.from(unzstd(frame, bytes.length)), Buffer.from(bytes))
      const bit = at % (8 * frame.length)
      const flipped = Uint8Array.from(frame)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      const found = attempt(flipped, bytes.length)
      if (found !== null) assert.deepEqual(Buffer.from(found), Buffer.from(bytes))
    }),
    { numRuns: 300 },
  )
})

test('a frame that does not say its size is unpacked to the size that the page declares', async () => {
  await readyZstd()
  // RFC 8878: no content size, window 1 MiB, then one last RLE block of 2 MiB of "x" (in blocks of 128 KiB).
  const block = (last: number): number[] => {
    const header = last | (1 << 1) | ((128 * 1024) << 3)
    return [header & 255, (header >> 8) & 255, header >> 16, 0x78]
  }
  const blocks = Array.from({ length: 16 }, (_, i) => block(i === 15 ? 1 : 0)).flat()
  const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, ...blocks)
  assert.deepEqual(Buffer.from(unzstd(frame, 2 ** 21)), Buffer.alloc(2 ** 21, 'x'))
  assert.throws(() => unzstd(frame, 2 ** 20))
})

test('a frame that states more than its page declares is refused before it is unpacked', async () => {
  await readyZstd()
  assert.throws(() => unzstd(zstd(Buffer.alloc(5000)), 100))
  assert.throws(() => unzstd(zstd(Buffer.alloc(5000)), 2 ** 30), /larger than 536870912/)
})

function attempt(frame: Uint8Array, length: number): Uint8Array | null {
  try {
    return unzstd(frame, length)
  } catch {
    return null
  }
}

/** XXH64 as its specification has it, for short inputs. */
function xxh64(bytes: Uint8Array): bigint {
  const wrap = (value: bigint): bigint => BigInt.asUintN(64, value)
  const turn = (value: bigint, by: bigint): bigint => wrap((value << by) | (value >> (64n - by)))
  const [p1, p2, p3, p4, p5] = [
    0x9e3779b185ebca87n,
    0xc2b2ae3d27d4eb4fn,
    0x165667b19e3779f9n,
    0x85ebca77c2b2ae63n,
    0x27d4eb2f165667c5n,
  ]
  const round = (lane: bigint, value: bigint): bigint => wrap(turn(wrap(lane + value * p2), 31n) * p1)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 0
  let hash = p5
  if (bytes.length >= 32) {
    const lanes = [wrap(p1 + p2), p2, 0n, wrap(-p1)]
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i] ?? 0n, view.getBigUint64(at + 8 * i, true))
    hash = wrap([1n, 7n, 12n, 18n].reduce((sum, by, i) => sum + turn(lanes[i] ?? 0n, by), 0n))
    for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * p1 + p4)
  }
  hash = wrap(hash + BigInt(bytes.length))
  for (; at + 8 <= bytes.length; at += 8)
    hash = wrap(turn(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4)
  if (at + 4 <= bytes.length) {
    hash = wrap(turn(hash ^ wrap(BigInt(view.getUint32(at, true)) * p1), 23n) * p2 + p3)
    at += 4
  }
  for (; at < bytes.length; at++) hash = wrap(turn(hash ^ wrap(BigInt(bytes[at] ?? 0) * p5), 11n) * p1)
  hash = wrap((hash ^ (hash >> 33n)) * p2)
  hash = wrap((hash ^ (hash >> 29n)) * p3)
  return hash ^ (hash >> 32n)
}
