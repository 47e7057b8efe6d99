import { createHash } from 'node:crypto'

/** A stream of uniform draws. Never shared between rows: make one for each (seed, stage, row). */
export interface Random {
  /** Uniform in [0, 1), 53 bits. */
  next(): number
  /** Uniform integer in [0, bound). */
  below(bound: number): number
}

/** A generator keyed by everything that names the draw, so that order of execution cannot change it.
 *  sfc32 (Doty-Humphrey, PractRand) seeded with 128 bits of SHA-256 over the key. */
export function rngFor(...key: readonly (string | number)[]): Random {
  const digest = createHash('sha256').update(JSON.stringify(key)).digest()
  let a = digest.readUInt32LE(0)
  let b = digest.readUInt32LE(4)
  let c = digest.readUInt32LE(8)
  let counter = digest.readUInt32LE(12) | 1
  const next32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next32()
  const next = (): number => ((next32() >>> 5) * 67108864 + (next32() >>> 6)) / 9007199254740992
  return { next, below: (bound) => Math.floor(next() * bound) }
}

/** A 31-bit seed for an engine that wants a number, keyed like {@link rngFor}. */
export function seedFor(...key: readonly (string | number)[]): number {
  return createHash('sha256').update(JSON.stringify(key)).digest().readUInt32LE(0) >>> 1
}
